"""Write the software bill of materials of a default installation, as CycloneDX JSON: `make sbom`.

What it names is what `make setup` installs: the locked packages with the hashes that pip checks, the base model's package, and
torch, which is pinned by version alone (decision 1). Licences are those that the installed packages declare.
Source: CycloneDX 1.6, https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("runtime.lock", "base.lock", "torch.txt")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def main() -> int:
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "build/sbom.cdx.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    made = bill()
    target.write_text(JsonV1Dot6(made).output_as_string(indent=2) + "\n", encoding="utf-8")
    print(f"{len(made.components)} packages: {target}")
    return 0


def bill() -> Bom:
    """The project and, as its parts, every pinned package that a default installation may get on some system."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    made = Bom(components=[_component(line) for name in SOURCES for line in _pins(ROOT / "requirements" / name)])
    made.metadata.component = Component(name=project["name"], type=ComponentType.APPLICATION, description=project["description"])
    made.register_dependency(made.metadata.component, made.components)
    return made


def _pins(file: Path) -> list[str]:
    joined = file.read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def _component(line: str) -> Component:
    pinned = Requirement(line.partition("--hash")[0].strip())
    version = next(iter(pinned.specifier)).version
    return Component(
        name=pinned.name,
        version=version,
        purl=PackageURL("pypi", None, pinned.name, version),
        bom_ref=f"{pinned.name}@{version}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=found) for found in HASH.findall(line)],
        licenses=_licences(pinned.name),
    )


def _licences(name: str) -> list[License]:
    try:
        declared = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:  # of another system
        return []
    classified = [text.rpartition(" :: ")[2] for text in declared.get_all("Classifier", []) if text.startswith("License :: ")]
    named = [declared.get("License-Expression"), *classified, declared.get("License")]
    text = next((text for text in named if text and "\n" not in text), None)
    return [LicenseFactory().make_from_string(text)] if text else []


if __name__ == "__main__":
    sys.exit(main())
