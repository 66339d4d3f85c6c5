# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = true
# ///
# What a script may import without cost: it is in the snapshot.
import collections, csv, datetime, decimal, fractions, functools, hashlib, heapq, itertools, json, math, random, re
import sqlite3, statistics, string, textwrap, urllib.parse, uuid, xml.etree.ElementTree, zoneinfo

result = sqlite3.sqlite_version_info > (3, 30) and zoneinfo.ZoneInfo("Europe/Oslo").key == "Europe/Oslo"
