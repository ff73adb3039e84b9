"""Values of what a report names: when (`date`) and how many (`count`)."""

from marsad.resolve.counts import count
from marsad.resolve.dates import date

__all__ = ["count", "date"]
