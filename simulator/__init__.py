"""A fleet of stations that speaks OCPP to any central system. Imports none of our code."""
