"""OCPP 1.6J, pure: what stations say, what it means, and what they are answered."""
