"""What vendors say in their own ways, as data: see `dialects.yaml`."""
