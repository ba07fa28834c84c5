"""Open a release: check every file, then map the arrays into memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from gnn.served_model import ServedModel
from index.vector_index import VectorIndex
from service.releases.errors import ForeignRelease, ReleaseError, TornRelease
from service.releases.files import sha256_of
from service.releases.items import RELEASE_ITEM_SCHEMA, ReleaseItems
from service.releases.manifest import ReleaseManifest, read_manifest
from service.releases.release import ARRAYS_FOLDER, INDEX_NAME, ITEMS_NAME, REVIEWS_NAME, Release

LoadModel = Callable[[Mapping[str, npt.NDArray[Any]], Mapping[str, Any]], ServedModel]
LoadIndex = Callable[[Path], VectorIndex]
LoadRows = Callable[[Mapping[str, npt.NDArray[Any]], Mapping[str, Any]], Any]
BuildFn = Callable[[npt.NDArray[np.float32]], VectorIndex]


@dataclass(frozen=True)
class ReleaseLoaders:
    """How the parts of a release become objects again."""

    index: LoadIndex
    models: Mapping[str, LoadModel] = field(default_factory=dict)
    """By the name of the model's class."""
    fresh_rows: LoadRows | None = None
    """Of the models that can be brought up to date row by row; None: they are served as they were made."""
    build: BuildFn | None = None
    """Makes a main index anew when many rows have changed."""


def default_loaders() -> ReleaseLoaders:
    """Ilk's own model and index."""
    from gnn.fitted_ilk import FittedIlk  # here: torch and FAISS are slow to import and not always needed
    from gnn.fresh_rows import FreshRows
    from index import IndexKind, build_index, load_index

    return ReleaseLoaders(
        index=load_index,
        models={FittedIlk.__name__: FittedIlk.from_arrays},
        fresh_rows=FreshRows.from_arrays,
        build=partial(build_index, IndexKind.AUTO),
    )


class ReleaseReader:
    """Opens releases of one folder."""

    def __init__(self, root: Path, loaders: ReleaseLoaders | None = None) -> None:
        """loaders: default: `default_loaders()`, when the first release is opened."""
        self._root = root
        self._loaders = loaders

    @property
    def loaders(self) -> ReleaseLoaders:
        """How parts become objects; settled when the first release is opened."""
        self._loaders = self._loaders or default_loaders()
        return self._loaders

    def open(self, version: str) -> Release:
        """Open a release after comparing every file with its sha256.

        Arrays are read-only memory maps: several processes share their pages.
        Raises `TornRelease`, `ForeignRelease`, and `ReleaseError` where a library is missing.
        """
        manifest = self.verify(version)
        folder = self._root / version
        loaders = self.loaders
        load_model = loaders.models.get(manifest.model.name)
        if load_model is None:
            raise ForeignRelease(
                f"release {version}: made for the model {manifest.model.name!r}, unknown here"
            )
        try:
            release = Release(
                path=folder,
                manifest=manifest,
                model=load_model(_arrays(folder, manifest), manifest.model.config),
                index=loaders.index(folder / INDEX_NAME),
                items=ReleaseItems(_items(folder)),
                reviews=_mapped(folder / REVIEWS_NAME) if REVIEWS_NAME in manifest.files else None,
            )
        except FileNotFoundError as error:
            raise TornRelease(f"release {version}: {error.filename} vanished while it was opened") from None
        except (OSError, MemoryError):
            raise
        except ImportError as error:  # the release is fine, this installation is not
            raise ReleaseError(f"release {version}: {error}") from None
        except Exception as error:
            raise ForeignRelease(
                f"release {version}: whole, but of another make ({type(error).__name__}: {error})"
            ) from error
        _check_sizes(release)
        return release

    def verify(self, version: str) -> ReleaseManifest:
        """Check manifest and sha256 of every file. Raises `TornRelease`, `ForeignRelease`."""
        folder = self._root / version
        if not folder.is_dir():
            raise TornRelease(f"release {version}: its folder {folder} is missing")
        manifest = read_manifest(folder)
        for required in (ITEMS_NAME, INDEX_NAME):
            if required not in manifest.files:
                raise ForeignRelease(f"release {version}: its manifest lists no {required}")
        for name, expected in manifest.files.items():
            _verify_file(version, folder, name, expected.bytes, expected.sha256)
        return manifest


def _verify_file(version: str, folder: Path, name: str, size: int, sha256: str) -> None:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ForeignRelease(f"release {version}: file {name!r} lies outside its folder")
    try:
        found = path.stat().st_size
        if found != size:
            raise TornRelease(f"release {version}: {name} has {found} bytes instead of {size}")
        if sha256_of(path) != sha256:
            raise TornRelease(f"release {version}: {name} was changed after it was written (sha256 differs)")
    except OSError as error:
        raise TornRelease(f"release {version}: {name} cannot be read ({error.strerror})") from None


def _arrays(folder: Path, manifest: ReleaseManifest) -> dict[str, npt.NDArray[Any]]:
    names = [name for name in manifest.files if name.startswith(f"{ARRAYS_FOLDER}/")]
    return {Path(name).name.removesuffix(".npy"): _mapped(folder / name) for name in names}


def _mapped(path: Path) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    # a plain view: NumPy's memmap subclass slows every small operation down
    return array.view(np.ndarray) if isinstance(array, np.memmap) else array


def _items(folder: Path) -> pl.DataFrame:
    table = pl.read_parquet(folder / ITEMS_NAME)
    if dict(table.schema) != RELEASE_ITEM_SCHEMA:
        raise ValueError(f"{ITEMS_NAME} has other columns than expected")
    return table


def _check_sizes(release: Release) -> None:
    sizes = {release.manifest.items, release.model.n_items, release.index.size, len(release.items)}
    if len(sizes) != 1:
        raise ForeignRelease(f"release {release.version}: model, index and id map differ in size")
