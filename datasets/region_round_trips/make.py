"""Make region_round_trips.csv: published round-trip times between 24 cloud regions, and where they are.

The figures are Microsoft's; the card, README.md, names the page and its date.  They are copied here
column by column, as on that page.  Run it from anywhere: ``python datasets/region_round_trips/make.py``
rewrites the file beside it.
"""

# ruff: noqa: E501  a table reads best with a line a row

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

PLACES = {
    "Australia East": ("Sydney", -33.9, 151.2),
    "Brazil South": ("Sao Paulo", -23.6, -46.6),
    "Canada Central": ("Toronto", 43.7, -79.4),
    "Central India": ("Pune", 18.5, 73.9),
    "Central US": ("Des Moines", 41.6, -93.6),
    "East Asia": ("Hong Kong", 22.3, 114.2),
    "East US": ("Richmond", 37.5, -77.4),
    "France Central": ("Paris", 48.9, 2.4),
    "Germany West Central": ("Frankfurt", 50.1, 8.7),
    "Italy North": ("Milan", 45.5, 9.2),
    "Japan East": ("Tokyo", 35.7, 139.8),
    "Korea Central": ("Seoul", 37.6, 127.0),
    "North Europe": ("Dublin", 53.3, -6.3),
    "Norway East": ("Oslo", 59.9, 10.8),
    "Qatar Central": ("Doha", 25.3, 51.5),
    "South Africa North": ("Johannesburg", -26.2, 28.0),
    "South Central US": ("San Antonio", 29.4, -98.5),
    "Southeast Asia": ("Singapore", 1.3, 103.8),
    "Sweden Central": ("Gavle", 60.7, 17.1),
    "Switzerland North": ("Zurich", 47.4, 8.5),
    "UAE North": ("Dubai", 25.3, 55.3),
    "UK South": ("London", 51.5, -0.1),
    "West Europe": ("Amsterdam", 52.4, 4.9),
    "West US": ("San Francisco", 37.8, -122.4),
}
"""Each region's city, its latitude and its longitude in degrees, to a tenth."""

TO = {
    "Australia East": "- 317 194 147 174 120 201 294 296 279 104 134 290 303 182 279 162 95 307 281 180 281 286 140",
    "Brazil South": "316 - 130 307 149 320 116 190 197 197 278 302 187 211 296 326 142 343 213 199 287 179 185 186",
    "Canada Central": "196 131 - 213 25 203 18 103 110 110 159 236 99 114 208 239 48 223 125 111 199 90 95 62",
    "Central India": "147 307 213 - 233 84 200 127 134 138 122 119 146 154 41 138 230 55 158 141 38 133 136 221",
    "Central US": "174 149 24 231 - 180 31 116 123 127 137 197 112 136 226 257 27 200 142 129 217 104 119 41",
    "East Asia": "123 323 205 87 184 - 215 217 220 218 52 43 229 240 121 218 174 38 244 219 121 221 222 154",
    "East US": "201 119 20 203 33 213 - 90 96 97 170 229 88 108 196 227 38 234 119 99 187 79 90 74",
    "France Central": "293 190 102 126 116 212 87 - 11 24 252 247 19 32 124 156 110 183 35 18 116 10 11 149",
    "Germany West Central": "296 199 110 135 126 219 96 13 - 20 252 254 28 27 131 164 123 189 30 12 122 19 12 162",
    "Italy North": "281 198 110 137 128 216 96 25 20 - 252 250 41 39 126 167 126 190 42 15 117 32 24 165",
    "Japan East": "103 278 158 121 137 49 169 251 250 249 - 33 252 272 155 252 127 72 279 256 155 244 250 108",
    "Korea Central": "131 303 235 118 198 40 224 247 251 248 32 - 261 271 152 250 165 69 275 249 152 252 253 159",
    "North Europe": "291 189 99 146 113 227 87 20 27 42 253 263 - 40 140 172 123 198 44 36 131 14 20 159",
    "Norway East": "302 210 113 153 136 236 105 31 25 38 272 271 39 - 149 183 136 206 11 31 140 30 23 170",
    "Qatar Central": "182 296 208 41 227 118 194 125 130 126 156 153 139 150 - 117 224 88 154 128 18 131 132 263",
    "South Africa North": "280 327 239 137 258 216 225 157 164 168 253 251 172 184 118 - 256 187 188 168 104 163 163 295",
    "South Central US": "162 142 47 230 27 171 35 112 122 126 128 166 122 136 224 255 - 203 142 127 215 114 119 36",
    "Southeast Asia": "91 344 223 55 202 36 233 186 188 188 73 70 198 208 90 188 204 - 212 189 90 189 190 172",
    "Sweden Central": "306 213 123 157 141 240 117 35 28 41 279 275 43 11 153 186 141 210 - 35 144 33 27 182",
    "Switzerland North": "278 197 109 139 127 212 94 16 8 13 254 247 33 30 125 165 127 185 32 - 116 24 16 163",
    "UAE North": "180 287 198 37 217 118 184 116 120 116 155 152 129 140 17 102 214 88 144 118 - 121 122 254",
    "UK South": "280 179 89 131 104 217 77 10 17 31 244 252 13 30 130 162 114 188 34 25 122 - 10 147",
    "West Europe": "287 186 95 135 118 219 89 12 11 25 251 254 19 25 132 163 118 190 27 19 123 11 - 155",
    "West US": "140 186 61 220 41 151 71 150 160 165 108 160 156 172 264 294 36 171 183 167 255 148 154 -",
}
"""To each region, the round trips from all of them in the order of PLACES, in milliseconds."""


def rows() -> Iterator[tuple[object, ...]]:
    """(source, destination, round_trip_ms, and where both of them are), by source and destination."""
    for place, source in enumerate(PLACES):
        for destination in PLACES:
            if source != destination:
                measured = TO[destination].split()[place]
                yield source, destination, int(measured), *PLACES[source], *PLACES[destination]


def text() -> str:
    """The whole file."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    where = [f"{end}_{what}" for end in ("source", "destination") for what in ("city", "lat", "lon")]
    writer.writerow(("source", "destination", "round_trip_ms", *where))
    writer.writerows(rows())
    return out.getvalue()


if __name__ == "__main__":
    Path(__file__).with_name("region_round_trips.csv").write_text(text(), encoding="utf-8")
