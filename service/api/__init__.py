"""The HTTP API: application, its dependencies, and how to run it."""

from service.api.app import create_app
from service.api.deps import ApiDeps, ApiLimits, EventAppender
from service.api.keys import ApiKeys, KeyGrant, check_binding
from service.api.scopes import Scope
from service.api.server import PortInUse, ServerOptions, address_of, bind, run_server
from service.json_logs import configure_json_logs

__all__ = [
    "ApiDeps",
    "ApiKeys",
    "ApiLimits",
    "EventAppender",
    "KeyGrant",
    "PortInUse",
    "Scope",
    "ServerOptions",
    "address_of",
    "bind",
    "check_binding",
    "configure_json_logs",
    "create_app",
    "run_server",
]
