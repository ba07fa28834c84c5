"""The server's own settings (`neo4j.conf`)."""

from pathlib import Path


def memory_settings() -> dict[str, str]:
    """Small: the machine is shared with training and serving."""
    return {
        "server.memory.pagecache.size": "128m",
        "db.tx_log.preallocate": "false",
        "db.tx_log.rotation.size": "64m",
        "db.tx_log.rotation.retention_policy": "1 days 512M",
    }


def privacy_settings() -> dict[str, str]:
    """Nothing of the shop leaves the machine, from the server or from Browser."""
    return {
        "dbms.usage_report.enabled": "false",
        "client.allow_telemetry": "false",
        "browser.remote_content_hostname_whitelist": "localhost,127.0.0.1",
    }


def settings_text(home: Path, bolt_port: int, http_port: int) -> str:
    """`neo4j.conf` of a server that only this machine can reach."""
    settings = {
        "server.directories.data": str(home / "data"),
        "server.directories.logs": str(home / "logs"),
        "server.default_listen_address": "127.0.0.1",
        "server.default_advertised_address": "127.0.0.1",
        "server.bolt.enabled": "true",
        "server.bolt.listen_address": f"127.0.0.1:{bolt_port}",
        "server.bolt.advertised_address": f"127.0.0.1:{bolt_port}",
        "server.http.enabled": "true",
        "server.http.listen_address": f"127.0.0.1:{http_port}",
        "server.http.advertised_address": f"127.0.0.1:{http_port}",
        "server.https.enabled": "false",
        "dbms.security.auth_enabled": "true",
        "server.http_enabled_modules": "TRANSACTIONAL_ENDPOINTS,BROWSER,QUERY_API_ENDPOINTS",
        **memory_settings(),
        **privacy_settings(),
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())
