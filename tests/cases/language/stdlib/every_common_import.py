#: outcome: returned
#: result: "all"
import abc, argparse, array, ast, asyncio, base64, binascii, bisect, calendar, cmath, codecs, collections.abc, colorsys
import concurrent.futures, configparser, contextlib, contextvars, copy, csv, dataclasses, datetime, decimal, difflib, dis
import email, email.message, enum, errno, fnmatch, fractions, functools, gc, getopt, glob, graphlib, gzip, hashlib, heapq
import hmac, html, html.parser, http, inspect, io, ipaddress, itertools, json, keyword, linecache, locale, logging, math
import mimetypes, numbers, operator, os, os.path, pathlib, pickle, pprint, queue, random, re, reprlib, sched, secrets
import shlex, shutil, signal, sqlite3, statistics, string, string.templatelib, struct, tempfile, textwrap, threading
import time, timeit, token, tokenize, traceback, types, typing, unicodedata, unittest, urllib.parse, uuid, warnings
import weakref, xml.etree.ElementTree, zipfile, zlib, zoneinfo

result = "all"
