"""Trains the two models of the digits example and writes them where MLServer looks for them.

    v1  logistic regression on 300 images: about 92 % of unseen images right
    v2  a support vector machine on all training images: about 99 %

Both are measured on the same 30 % of scikit-learn's digits data that neither has seen. With
--images, a sample of those unseen images is written as JSON: what the example's traffic sends.
"""

import argparse
import json
from pathlib import Path

import joblib
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

SEED = 7
SMALL = 300  # images that v1 learns from
SAMPLE = 200  # images that the traffic sends
EXPECTED = {"v1": 0.88, "v2": 0.98}  # below this the data or the library changed: do not ship it


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="models are written to FOLDER/v1 and FOLDER/v2")
    parser.add_argument("--images", type=Path, help="also write a sample of the unseen images to this file")
    arguments = parser.parse_args()

    digits = load_digits()
    known, unseen, known_labels, unseen_labels = train_test_split(
        digits.data, digits.target, test_size=0.3, random_state=SEED, stratify=digits.target
    )
    models = {
        "v1": LogisticRegression(max_iter=2000).fit(known[:SMALL], known_labels[:SMALL]),
        "v2": SVC(gamma=0.001).fit(known, known_labels),
    }
    for name, model in models.items():
        accuracy = model.score(unseen, unseen_labels)
        print(f"{name}: {type(model).__name__}, {accuracy:.1%} of {len(unseen)} unseen images right")
        if accuracy < EXPECTED[name]:
            raise SystemExit(f"{name} is worse than expected ({EXPECTED[name]:.0%})")
        target = arguments.folder / name
        target.mkdir(parents=True, exist_ok=True)
        joblib.dump(model, target / "model.joblib")

    if arguments.images:
        sample = [
            {"label": int(label), "pixels": [int(pixel) for pixel in image]}
            for image, label in zip(unseen[:SAMPLE], unseen_labels[:SAMPLE])
        ]
        lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in sample)
        arguments.images.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
