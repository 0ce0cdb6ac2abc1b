"""Distances on the globe. What is where: atlas.py."""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, cos, degrees, pi, radians, sin, sqrt

EARTH_KM = 6371.0088  # the mean radius of the Earth, IUGG
FARTHEST_KM = pi * EARTH_KM  # the other side of it
_MARGIN = 1e-6  # degrees, a tenth of a metre: keeps what rounding moves over an edge


@dataclass(frozen=True, slots=True)
class Spot:
    """A point on the globe, in degrees: latitude -90 to 90, longitude -180 to 180."""

    latitude: float
    longitude: float

    def __str__(self) -> str:
        return f"{self.latitude:.4f}, {self.longitude:.4f}"


@dataclass(frozen=True, slots=True)
class Box:
    """What lies between two latitudes and two longitudes, in degrees; `west` > `east` goes over the date line."""

    south: float
    north: float
    west: float
    east: float


def distance_km(a: Spot, b: Spot) -> float:
    """Return the great-circle distance in kilometres by the haversine formula.

    R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (2), 1984, p. 159: exact for short distances too,
    where the cosine formula loses its digits. A sphere is off by at most 0.6 % from the real Earth.
    """
    lat_a, lat_b = radians(a.latitude), radians(b.latitude)
    half_lat, half_lon = (lat_b - lat_a) / 2, radians(b.longitude - a.longitude) / 2
    h = sin(half_lat) ** 2 + cos(lat_a) * cos(lat_b) * sin(half_lon) ** 2
    return 2 * EARTH_KM * asin(sqrt(min(1.0, h)))


def box_around(spot: Spot, km: float) -> Box:
    """Return a box that holds everything within `km` of a spot.

    J. P. Snyder, "Map Projections", USGS 1395, 1987, p. 30: a circle of angle r around latitude p reaches
    asin(sin r / cos p) to either side. One that holds a pole has all longitudes.
    """
    angle = km / EARTH_KM
    reach = degrees(angle) + _MARGIN
    south, north = spot.latitude - reach, spot.latitude + reach
    if south <= -90 or north >= 90:
        return Box(max(south, -90.0), min(north, 90.0), -180.0, 180.0)
    width = degrees(asin(min(1.0, sin(angle) / cos(radians(spot.latitude))))) + _MARGIN
    if width >= 180:
        return Box(south, north, -180.0, 180.0)
    return Box(south, north, _turned(spot.longitude - width), _turned(spot.longitude + width))


def _turned(longitude: float) -> float:
    """Return a longitude within -180 and 180."""
    return longitude + 360 if longitude < -180 else longitude - 360 if longitude > 180 else longitude
