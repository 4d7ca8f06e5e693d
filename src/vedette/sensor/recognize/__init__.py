"""What a device is: by what it announces, or by a model that learned from captures that somebody labelled.

Terms: a *type* is a kind of device in one word, a *hint* a word that speaks for a type, a *window* some minutes of one
device, its *words* what it said and did in them, a *model* what was learned from windows of known types. Invariants:
what too little speaks for is ``unknown``; every answer has its reasons; makers' prefixes of MAC addresses are hints
and never part of a model; a model that was read from a file is checked whole before it is used.
"""

from __future__ import annotations

from vedette.sensor.recognize.arguments import add_recognizing, recognizing
from vedette.sensor.recognize.captures import Device, captures_in, devices_in, devices_of
from vedette.sensor.recognize.command import classify, examples_of, open_model, train
from vedette.sensor.recognize.knowledge import Recognition, recognize
from vedette.sensor.recognize.labels import InvalidLabels, Label, labels_of_folders, read_labels
from vedette.sensor.recognize.learned import LearnedTypes
from vedette.sensor.recognize.lifecycle import Support, support_of
from vedette.sensor.recognize.model import (
    UNKNOWN,
    Example,
    InvalidModel,
    TypeModel,
    Verdict,
    learn,
    read_model,
    words_of,
)
from vedette.sensor.recognize.observer import Observer, Window
from vedette.sensor.recognize.recognizer import Recognizer
from vedette.sensor.recognize.validation import Result, auroc_of, cross_validate, report_of

__all__ = [
    "UNKNOWN",
    "Device",
    "Example",
    "InvalidLabels",
    "InvalidModel",
    "Label",
    "LearnedTypes",
    "Observer",
    "Recognition",
    "Recognizer",
    "Result",
    "Support",
    "TypeModel",
    "Verdict",
    "Window",
    "add_recognizing",
    "auroc_of",
    "captures_in",
    "classify",
    "cross_validate",
    "devices_in",
    "devices_of",
    "examples_of",
    "labels_of_folders",
    "learn",
    "open_model",
    "read_labels",
    "read_model",
    "recognize",
    "recognizing",
    "report_of",
    "support_of",
    "train",
    "words_of",
]
