"""The wiring: settings, command line, web application, demo. Nothing imports it."""

from importlib.metadata import version

VERSION = version("pricegraph")
