"""Neo4j from Maven's jars on a JDK of this machine."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from failure import ServerFailure
from server_settings import settings_text

HERE = Path(__file__).resolve().parent
POM = HERE / "pom.xml"
LAUNCHER = HERE / "Neo4jLauncher.java"
JVM_FOLDERS = (
    "/usr/lib/jvm/*",
    "/usr/java/*",
    "/opt/java/*",
    "/opt/jdk*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "~/.sdkman/candidates/java/*",
    "~/.jdks/*",
)
STOP_SECONDS = 60.0


@dataclass(frozen=True)
class Plan:
    """What will run."""

    version: str
    jdk: Path
    jars: Path

    @property
    def how(self) -> str:
        """For people: how it is run."""
        return f"Maven's jars on the JDK in {self.jdk}"


def plan(version: str, jars: Path) -> Plan:
    """Choose version and JDK, fetch the jars where they are missing. Raises `ServerFailure`."""
    wanted, (oldest, newest) = _choose(version)
    jdk = find_jdk(oldest, newest)
    if jdk is None:
        raise ServerFailure(
            f"Neo4j {wanted} needs a JDK {oldest} to {newest}: none in JAVA_HOME, PATH or the usual folders; "
            f"install one (Debian: apt-get install openjdk-{oldest}-jdk-headless), or a Docker engine"
        )
    folder = jars / wanted
    if not folder.is_dir():
        _fetch(wanted, jdk, folder)
    return Plan(wanted, jdk, folder)


def profile_version(version: str) -> str:
    """Exact version of a profile's name; `auto`: the first profile's; anything else is an exact version."""
    profiles = _profiles()
    name = next(iter(profiles)) if version == "auto" else version
    return profiles[name][0] if name in profiles else version


def find_jdk(oldest: int, newest: int) -> Path | None:
    """The first JDK (not a bare JRE) of a fitting version: JAVA_HOME, PATH, then the usual folders."""
    candidates = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("javac")
    if on_path:
        candidates.append(Path(on_path).resolve().parent.parent)
    for pattern in JVM_FOLDERS:
        folder = Path(pattern).expanduser()
        root = Path(folder.anchor)
        candidates += sorted(root.glob(str(folder.relative_to(root))))
    return next((jdk for jdk in candidates if oldest <= jdk_version(jdk) <= newest), None)


def jdk_version(jdk: Path) -> int:
    """Feature version of a JDK's folder; 0 where it is none."""
    release = jdk / "release"
    if not (jdk / "bin" / "javac").exists() or not release.is_file():
        return 0
    for line in release.read_text("utf-8", errors="replace").splitlines():
        if line.startswith("JAVA_VERSION="):
            digits = line.partition("=")[2].strip('"').split(".")[0]
            return int(digits) if digits.isdigit() else 0
    return 0


def launch(
    plan: Plan, folder: Path, home: Path, bolt_port: int, http_port: int, password: str, heap: str
) -> None:
    """Start the server in the background; its process id goes to `pid`. The launcher reads `password`."""
    conf = home / "neo4j.conf"
    conf.write_text(settings_text(home, bolt_port, http_port), "utf-8")
    command = [
        str(plan.jdk / "bin" / "java"),
        f"-Xmx{heap}",
        "-XX:+UseG1GC",
        "-XX:+ExitOnOutOfMemoryError",
        "--add-opens=java.base/java.nio=ALL-UNNAMED",
        "--add-opens=java.base/java.io=ALL-UNNAMED",
        "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
        "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
        "-cp",
        f"{plan.jars}/*",
        str(LAUNCHER),
        str(home),
        str(conf),
        str(folder / "password"),
    ]
    with (folder / "server.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command, no shell
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=home
        )
    (folder / "pid").write_text(f"{process.pid}\n", "utf-8")


def running(folder: Path) -> bool:
    """Whether the process in `pid` lives and is this folder's server."""
    return _pid(folder) is not None


def stop(folder: Path) -> bool:
    """End this folder's server; returns whether there was one."""
    pid = _pid(folder)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        if not _gone(folder, STOP_SECONDS):
            os.kill(pid, signal.SIGKILL)
            _gone(folder, 10.0)
    (folder / "pid").unlink(missing_ok=True)
    return pid is not None


def _gone(folder: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if _pid(folder) is None:
            return True
        time.sleep(0.1)
    return False


def _pid(folder: Path) -> int | None:
    """The process id, if its command line names our launcher and folder: numbers are given out again."""
    path = folder / "pid"
    if not path.is_file() or not path.read_text("utf-8").strip().isdigit():
        return None
    pid = path.read_text("utf-8").strip()
    shown = subprocess.run(  # noqa: S603 - a number and fixed words
        ["ps", "-ww", "-p", pid, "-o", "stat=,command="],  # noqa: S607 - ps is where the system has it
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    alive = shown.strip() and not shown.lstrip().startswith("Z")
    ours = LAUNCHER.name in shown and str(folder / "password") in shown
    return int(pid) if alive and ours else None


def _choose(version: str) -> tuple[str, tuple[int, int]]:
    """(exact version, fitting JDKs); `auto` takes the first profile that a JDK here can run."""
    profiles = _profiles()
    if version in profiles:
        return profiles[version]
    if version == "auto":
        found = [p for p in profiles.values() if find_jdk(*p[1])]
        return (found or list(profiles.values()))[0]
    known = [p for p in profiles.values() if p[0].split(".")[0] == version.split(".")[0]]
    return (version, known[0][1]) if known else (version, (17, 99))


def _profiles() -> dict[str, tuple[str, tuple[int, int]]]:
    names = {"m": "http://maven.apache.org/POM/4.0.0"}
    profiles = {}
    for profile in ET.parse(POM).getroot().findall("m:profiles/m:profile", names):  # noqa: S314 - our file
        version = profile.findtext("m:properties/m:neo4j.version", "", names)
        oldest, newest = profile.findtext("m:properties/m:ilk.jdk", "", names).split("-")
        profiles[profile.findtext("m:id", "", names)] = (version, (int(oldest), int(newest)))
    return profiles


def _fetch(version: str, jdk: Path, target: Path) -> None:
    """Copy the server's jars next to each other; the folder appears only when it is complete."""
    maven = shutil.which("mvn")
    if maven is None:
        raise ServerFailure(
            "Maven is missing: install it (Debian: apt-get install maven), or a Docker engine"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as part:
        command = [maven, "-q", "-B", "-f", str(POM), f"-Dneo4j.version={version}"]
        command += ["org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"]
        command += [f"-DoutputDirectory={part}/jars", "-DincludeScope=runtime"]
        done = subprocess.run(  # noqa: S603 - our own command, no shell
            command, capture_output=True, text=True, check=False, env={**os.environ, "JAVA_HOME": str(jdk)}
        )
        if done.returncode:
            reason = next((x for x in done.stdout.splitlines() if "ERROR" in x), done.stderr[-200:])
            raise ServerFailure(f"Maven could not fetch Neo4j {version}: {reason.strip()}")
        (Path(part) / "jars").rename(target)
