"""What a report's names and numbers mean: `date`, `count`, `place`, `actor`; None if unresolved."""

from marsad.resolve.actors import actor
from marsad.resolve.counts import count
from marsad.resolve.dates import date
from marsad.resolve.places import place

__all__ = ["actor", "count", "date", "place"]
