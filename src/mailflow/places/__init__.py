"""Where things are: distances, the names of places, the lists they come from, the shop's own stores. Pure.

The list of all towns and postcodes as a file to ask: store/gazetteer.py; who is near a place: rules/near.py.
"""

from mailflow.places.atlas import NOWHERE, Atlas, Circle, PlaceError, Town, Whereabouts, locate, whereabouts
from mailflow.places.geometry import Spot, distance_km

__all__ = [
    "NOWHERE",
    "Atlas",
    "Circle",
    "PlaceError",
    "Spot",
    "Town",
    "Whereabouts",
    "distance_km",
    "locate",
    "whereabouts",
]
