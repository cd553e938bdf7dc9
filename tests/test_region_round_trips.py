"""The round trips between regions: what physics allows, and as delays of links."""

from __future__ import annotations

import math

import pytest

from labkit.datasets import dataset, one_way_ms
from labkit.lab import CourseError

GLASS_KM_A_MS = 200


def km(row):
    """The distance of the two cities along the ground."""
    lat, lon, to_lat, to_lon = map(
        math.radians, (row.source_lat, row.source_lon, row.destination_lat, row.destination_lon)
    )
    cosine = math.sin(lat) * math.sin(to_lat) + math.cos(lat) * math.cos(to_lat) * math.cos(lon - to_lon)
    return 6371 * math.acos(cosine)


def test_no_round_trip_is_faster_than_light_in_glass():
    rows = list(dataset("region_round_trips").itertuples())
    assert len(rows) == 24 * 23
    assert [row for row in rows if row.round_trip_ms < 2 * km(row) / GLASS_KM_A_MS] == []


def test_there_and_back_take_about_as_long_from_either_end():
    rows = dataset("region_round_trips").itertuples()
    trips = {(row.source, row.destination): row.round_trip_ms for row in rows}
    assert max(abs(ms - trips[ends[::-1]]) for ends, ms in trips.items()) <= 7


def test_the_delay_of_a_link_is_half_of_the_measured_round_trip():
    delays = one_way_ms({"n1": "UK South", "n2": "West US", "c1": "UK South"})
    assert delays == {
        ("n1", "n2"): 74, ("n2", "n1"): 73.5, ("c1", "n2"): 74, ("n2", "c1"): 73.5,
    }  # fmt: skip


def test_a_region_without_measurements_is_refused_by_name():
    with pytest.raises(CourseError, match="'Atlantis'"):
        one_way_ms({"n1": "UK South", "n2": "Atlantis"})
