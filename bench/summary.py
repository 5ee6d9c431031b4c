"""Medians, ranges and ratios of the runs of one comparison: summary.py store|deliver|receive|push|history FILE"""

import statistics
import sys

COLUMNS = {
    "store": ["rate", "p50", "p99", "refused", "retrans", "cpu_us", "dev_bytes", "ram_idle", "ram_loaded", "pss"],
    "deliver": ["rate", "delivered", "stored", "duplicates", "left", "cpu_us"],
    "receive": ["rate", "sends_per_s", "p50", "p99", "refused", "cpu_us", "ram"],
    "push": ["rate", "cpu_us"],
    "history": ["rate", "p50", "p99", "refused", "retrans", "cpu_us", "dev_bytes"],
}
# What of a line is the same thing measured: only that is compared.
SUBJECT = {"store": " body ", "history": " body ", "receive": ": ", "push": ": "}


def read(kind, path):
    runs = {}
    for line in open(path):
        words = line.split()
        keys = 2 if kind in SUBJECT else 1
        values = [float(word) if word != "-" else -1.0 for word in words[keys:]]
        runs.setdefault(SUBJECT.get(kind, "").join(words[:keys]), []).append(values)
    return runs


def shown(value):
    return "-" if value < 0 else f"{value:.6g}"


def table(kind, runs):
    columns = COLUMNS[kind]
    print("\n| server | " + " | ".join(columns) + " | runs |")
    print("|---" * (len(columns) + 2) + "|")
    medians = {}
    for name, rows in runs.items():
        per_column = list(zip(*rows))
        medians[name] = dict(zip(columns, (statistics.median(column) for column in per_column)))
        rate = f"{medians[name]['rate']:.0f} ({min(per_column[0]):.0f}-{max(per_column[0]):.0f})"
        rest = [shown(medians[name][column]) for column in columns[1:]]
        print(f"| {name} | {rate} | " + " | ".join(rest) + f" | {len(rows)} |")
    return medians


def ratios(kind, medians):
    # Of the history's runs the one without is what the others are held against.
    measured = [name for name in medians if (not name.startswith("off") if kind == "history" else name.startswith("ours"))]
    for ours in measured:
        for name in medians:
            if kind == "history" and name in measured:
                continue
            if name == ours or (kind in SUBJECT and name.split(SUBJECT[kind])[1] != ours.split(SUBJECT[kind])[1]):
                continue
            text = f"{ours.split(SUBJECT.get(kind, ' '))[0]} / {name}: rate {medians[ours]['rate'] / max(1, medians[name]['rate']):.2f}x"
            for column in ("p99", "cpu_us", "dev_bytes", "ram_idle", "ram_loaded", "ram"):
                if min(medians[ours].get(column, -1), medians[name].get(column, -1)) >= 0:
                    text += f", {column} {medians[ours][column] / max(0.001, medians[name][column]):.2f}x"
            print(text)


kind, path = sys.argv[1:]
ratios(kind, table(kind, read(kind, path)))
