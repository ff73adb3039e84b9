"""Values of what a report names: when (`date`), how many (`count`), where (`place`)."""

from marsad.resolve.counts import count
from marsad.resolve.dates import date
from marsad.resolve.places import place

__all__ = ["count", "date", "place"]
