"""Rules: what is a fault, and what is one cause behind many symptoms."""
