"""Reads a text aloud with the library of espeak-ng, and says when each phone begins. A program of its own.

It imports nothing of the project: `readers.read_by_espeak` runs it in a process for each text, because the library
keeps a state (how it says something depends on what it has said before).

    standard input    JSON: text, voice, speed in words a minute, pitch and range from 0 to 99
    standard output   a line of JSON: rate, phones as (IPA, milliseconds); then the samples, 16 bit
"""

import ctypes
import ctypes.util
import json
import sys

_RETRIEVE, _PHONEME_EVENTS_IN_IPA = 1, 1 | 2
_UTF8, _END_PAUSE = 1, 0x1000
_RATE, _PITCH, _RANGE = 1, 3, 4
_PHONEME, _LAST = 7, 0


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def main() -> int:
    asked = json.load(sys.stdin)
    library = ctypes.CDLL(ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1")
    rate = library.espeak_Initialize(_RETRIEVE, 0, None, _PHONEME_EVENTS_IN_IPA)
    sound, phones = bytearray(), []

    def take(samples: object, count: int, events: object) -> int:
        if count > 0:
            sound.extend(ctypes.string_at(samples, 2 * count))
        number = 0
        while events[number].type != _LAST:
            if events[number].type == _PHONEME:
                phones.append((events[number].id.string.decode(errors="ignore"), events[number].audio_position))
            number += 1
        return 0

    callback = _Callback(take)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(asked["voice"].encode()):
        return 1
    for parameter, name in ((_RATE, "speed"), (_PITCH, "pitch"), (_RANGE, "range")):
        library.espeak_SetParameter(parameter, int(asked[name]), 0)
    text = asked["text"].encode()
    library.espeak_Synth(text, ctypes.c_size_t(len(text) + 1), 0, 0, 0, _UTF8 | _END_PAUSE, None, None)
    library.espeak_Synchronize()
    sys.stdout.buffer.write(json.dumps({"rate": rate, "phones": phones}).encode() + b"\n" + bytes(sound))
    return 0


if __name__ == "__main__":
    sys.exit(main())
