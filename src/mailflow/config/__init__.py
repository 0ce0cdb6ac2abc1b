"""Files that a person edits: YAML with places, and the settings in mailflow.yaml."""

from mailflow.config.settings import (
    FieldSettings,
    ImportSettings,
    LimitSettings,
    RelaySettings,
    RfmSettings,
    SenderSettings,
    Settings,
    Tls,
    UnsubscribeSettings,
    load_settings,
)

__all__ = [
    "FieldSettings",
    "ImportSettings",
    "LimitSettings",
    "RelaySettings",
    "RfmSettings",
    "SenderSettings",
    "Settings",
    "Tls",
    "UnsubscribeSettings",
    "load_settings",
]
