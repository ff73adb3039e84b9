"""Annotation formats: each reads into `Report` and writes it."""
