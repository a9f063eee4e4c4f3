"""Gateway: between the field and the core. Journal, snapshot; later the MQTT bridge."""
