"""OCPP 2.0.1 and 2.1, pure: what stations say, what it means, and what they are answered."""
