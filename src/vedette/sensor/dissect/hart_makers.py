"""Who has which HART manufacturer identification.

Source:
    FieldComm Group HCF_SPEC-183, common table 8 (manufacturer identification codes).
"""

from __future__ import annotations

from typing import Final

MAKERS: Final = {
    1: "Acromag", 2: "Allen-Bradley", 3: "Ametek", 4: "Analog Devices", 5: "ABB", 6: "Beckman", 7: "Bell Microsensor",
    8: "Bourns", 9: "Bristol Babcock", 10: "Brooks Instrument", 11: "Chessell", 12: "Combustion Engineering",
    13: "Daniel Industries", 14: "Delta", 15: "Dieterich Standard", 16: "Dohrmann", 17: "Endress+Hauser",
    18: "ABB Bailey Fischer & Porter", 19: "Fisher Controls", 20: "Schneider Electric Systems (Foxboro)", 21: "Fuji",
    22: "ABB Hartmann & Braun", 23: "Honeywell", 24: "ITT Barton", 25: "Thermo MeasureTech", 26: "ABB",
    27: "Leeds & Northrup", 28: "Leslie", 29: "M-System", 30: "Measurex", 31: "Micro Motion", 32: "Moore Industries",
    33: "Prime Measurement Products", 34: "Ohkura Electric", 35: "Paine", 36: "Rochester Instrument Systems",
    37: "Ronan", 38: "Rosemount", 39: "Peek Measurement", 40: "Actaris Neptune", 41: "Sensall", 42: "Siemens",
    43: "Weed", 44: "Toshiba", 45: "Transmation", 46: "Rosemount Analytical", 47: "Valmet", 48: "Flowserve",
    49: "Varec", 50: "Viatran", 51: "Delta/Weed", 52: "Westinghouse", 53: "Xomox", 54: "Azbil (Yamatake)",
    55: "Yokogawa", 56: "Nuovo Pignone", 57: "Promac", 58: "Exac", 59: "Mobrey", 60: "Arcom Control Systems",
    61: "Princo", 62: "Smar", 63: "Schneider Electric Systems (Foxboro Eckardt)", 64: "Measurement Technology",
    65: "Applied System Technologies", 66: "Samson", 67: "Sparling Instruments", 68: "Fireye", 69: "Krohne", 70: "Betz",
    71: "Druck", 72: "SOR", 73: "Elcon Instruments", 74: "Spirax Sarco", 75: "Termiflex", 76: "VAF Instruments",
    77: "Westlock Controls", 78: "Ametek Drexelbrook", 79: "Rosemount Tank Radar", 80: "ABB K-Tek", 81: "Sensidyne",
    82: "Draeger", 83: "Raytek", 84: "Siemens Milltronics", 85: "BTG", 86: "Magnetrol", 87: "Neles",
    88: "Siemens Milltronics", 89: "Helios", 90: "Anderson Instrument", 91: "INOR", 92: "Robertshaw",
    93: "Pepperl+Fuchs", 94: "Accutech", 95: "Flow Measurement", 96: "Baumer", 97: "Knick", 98: "VEGA",
    99: "Temposonics", 100: "Oval", 101: "Masoneilan", 102: "Besta", 103: "Ohmart", 104: "Harold Beck & Sons",
    105: "Rittmeyer", 106: "Rossel Messtechnik", 107: "WIKA", 108: "Bopp & Reuther", 109: "PR electronics",
    110: "Rotork Process Controls", 112: "US Electric Motors", 113: "Hundsbach", 114: "Dynisco",
    117: "Klay Instruments", 120: "Bürkert", 127: "Labom", 128: "Danfoss", 129: "Turbo", 130: "Tokyo Keiso", 131: "SMC",
    134: "Autrol", 136: "AG Crosby", 138: "Keystone Controls", 141: "Rueger", 142: "Mettler-Toledo", 143: "Det-Tronics",
    145: "DeZurik", 148: "Enraf", 151: "Nivelco", 152: "Camille Bauer", 153: "Metran", 155: "PMV", 156: "Turck",
    157: "Panametrics", 158: "R. Stahl", 161: "Berthold", 165: "Sierra Instruments", 169: "Invensys", 171: "Crane",
    174: "Tracerco", 176: "Phoenix Contact", 179: "Hawk", 180: "Rotork YTC", 182: "Satron Instruments", 183: "Biffi",
    185: "BD Sensors", 188: "Aplisens", 189: "Badger Meter", 190: "HIMA", 192: "Kongsberg Maritime",
    196: "Spectrum Controls", 198: "Fafnir", 199: "Sick", 200: "JSP Nova Paka", 204: "Tecfluid", 207: "Koso",
    209: "GE Energy", 210: "Honeywell Analytics", 211: "Heinrichs", 213: "Hach Lange", 218: "Dalian Instruments",
    219: "Spectrex", 222: "Rexa", 223: "General Monitors", 249: "FieldComm Group",
}  # fmt: skip
