"""What a measurement was started with, kept beside its result, so that `--resume` goes on with the same."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from honekit.errors import SettingsError
from honekit.project import Project
from honekit.store.atomic import write_atomic


@dataclass(frozen=True)
class MeasureSettings:
    """arms: None for all. base, device: None in settings that were kept before these were."""

    arms: list[str] | None
    limit: int | None
    seeds: int = 1
    base: str | None = None
    device: str | None = None


def settings_file(project: Project, name: str = "result") -> Path:
    return project.state_dir / "measure" / ("settings.json" if name == "result" else f"{name}-settings.json")


def keep_settings(project: Project, arms: list[str] | None, limit: int | None, name: str) -> None:
    """The project is the measured one, with its base and device as they were asked for."""
    kept = MeasureSettings(arms, limit, project.decide.measure.seeds, project.train.base, project.train.device)
    settings_file(project).parent.mkdir(parents=True, exist_ok=True)
    write_atomic(settings_file(project, name), json.dumps(asdict(kept)))


def resumed_settings(project: Project, base: str | None, device: str) -> MeasureSettings:
    """Those of the measurement that was started last. base, device: what is asked for now; None and "auto" take what was kept.

    Raises: SettingsError[decide.nothing_to_resume]; SettingsError[decide.resume] for another base or device.
    """
    known = {field.name for field in fields(MeasureSettings)}
    try:
        kept = json.loads(settings_file(project).read_text(encoding="utf-8"))
        found = MeasureSettings(**{name: value for name, value in kept.items() if name in known})
    except (OSError, ValueError, TypeError, AttributeError) as fault:
        raise SettingsError(
            "decide.nothing_to_resume",
            what="no measurement of this project was started yet",
            where=str(project.root),
            mend="leave --resume out",
        ) from fault
    given = {"--base": (base, found.base), "--device": (None if device == "auto" else device, found.device)}
    for option, (now, before) in given.items():
        if now is not None and before is not None and now != before:
            raise SettingsError(
                "decide.resume",
                what=f"the measurement that --resume goes on with has {option} {before}, not {now}",
                where=option,
                mend=f"leave {option} out, or start another measurement without --resume",
            )
    return found
