"""The acceptance test of the digits models: images that every version has to read right.

Runs as a Job of the stage systemTest, which names the model in SLUICE_URL. Ends with another code than 0 when an
answer is wrong or missing; the last lines of the output are then shown in the Rollout's status.
"""

import json
import os
import sys
import urllib.request

IMAGES = {
    0: "0 0 7 14 16 13 1 0  0 0 15 13 3 13 8 0  0 6 15 2 0 8 8 0  0 6 16 0 0 6 11 0"
    "  0 9 13 0 0 13 9 0  0 5 15 0 5 16 5 0  0 4 16 9 16 12 0 0  0 0 8 16 12 3 0 0",
    3: "0 0 9 16 16 12 2 0  0 3 13 5 4 14 5 0  0 0 0 0 7 15 2 0  0 0 0 5 16 11 0 0"
    "  0 0 0 0 8 16 7 0  0 0 0 0 0 13 8 0  0 0 4 5 5 15 4 0  0 0 12 16 15 5 0 0",
    7: "0 0 13 16 15 2 0 0  0 5 14 5 15 7 0 0  0 0 2 0 12 7 0 0  0 0 5 9 16 7 0 0"
    "  0 0 8 16 16 16 10 0  0 0 2 16 3 0 0 0  0 0 8 13 0 0 0 0  0 0 15 7 0 0 0 0",
}


def main() -> None:
    url = os.environ["SLUICE_URL"] + "/v2/models/digits/infer"
    print("testing", url, flush=True)
    for digit, pixels in IMAGES.items():
        image = {"name": "image", "shape": [1, 64], "datatype": "FP32", "data": [int(one) for one in pixels.split()]}
        body = json.dumps({"inputs": [image]}).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        answer = json.load(urllib.request.urlopen(request, timeout=20))["outputs"][0]["data"][0]
        if answer != digit:
            sys.exit(f"an image of {digit} was read as {answer}")
    print("all were read right")


if __name__ == "__main__":
    main()
