"""Vedette: self-hosted Zero Trust security for IoT and OT fleets."""
