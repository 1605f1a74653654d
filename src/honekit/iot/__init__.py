"""The Specialized IoT Diagnostic Assistant: raw log lines in, diagnoses out, by the newest model of its project."""

from honekit.iot.diagnose import Assistant, Diagnosis, Log, read_logs

__all__ = ["Assistant", "Diagnosis", "Log", "read_logs"]
