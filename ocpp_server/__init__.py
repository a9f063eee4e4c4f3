"""The central system: stations' connections, and OCPP turned into our words."""
