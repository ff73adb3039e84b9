"""Incidents in the shapes that analysts load: rows, ACLED-shaped rows, GeoJSON."""
