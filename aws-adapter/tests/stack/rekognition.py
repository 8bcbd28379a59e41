"""A Rekognition that finds the same in every picture: the emulator has none. It answers as the service's reference says."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BOX = {"Left": 0.25, "Top": 0.125, "Width": 0.5, "Height": 0.25}
GEOMETRY = {"BoundingBox": BOX, "Polygon": [{"X": 0.25, "Y": 0.125}, {"X": 0.75, "Y": 0.125}, {"X": 0.75, "Y": 0.375}, {"X": 0.25, "Y": 0.375}]}
ANSWERS = {
    "DetectFaces": {
        "FaceDetails": [{
            "BoundingBox": BOX, "Confidence": 99.5, "Landmarks": [{"Type": "eyeLeft", "X": 0.4, "Y": 0.2}],
            "Pose": {"Roll": 1.5, "Yaw": -2.5, "Pitch": 0.5}, "Quality": {"Brightness": 80.5, "Sharpness": 90.5},
        }],
    },
    "DetectText": {
        "TextDetections": [
            {"DetectedText": "HARBOUR 7", "Type": "LINE", "Id": 0, "Confidence": 98.5, "Geometry": GEOMETRY},
            {"DetectedText": "HARBOUR", "Type": "WORD", "Id": 1, "ParentId": 0, "Confidence": 98.5, "Geometry": GEOMETRY},
            {"DetectedText": "7", "Type": "WORD", "Id": 2, "ParentId": 0, "Confidence": 98.5, "Geometry": GEOMETRY},
        ],
        "TextModelVersion": "3.0",
    },
    "DetectModerationLabels": {
        "ModerationLabels": [{"Name": "Drinking", "ParentName": "Alcohol", "Confidence": 75.5, "TaxonomyLevel": 2}],
        "ModerationModelVersion": "7.0", "ContentTypes": [],
    },
}


class Rekognition:
    """The service; `asked` are the actions and the bytes of the pictures that came with them."""

    def __init__(self):
        self.asked = []
        # While it is set, every request is refused by this error.
        self.refusal = None
        # Not 127.0.0.1, which the functions reach by a proxy.
        self.server = ThreadingHTTPServer(("127.0.0.2", 0), self._handler())
        self.url = f"http://127.0.0.2:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _handler(self):
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                action = self.headers["X-Amz-Target"].removeprefix("RekognitionService.")
                service.asked.append((action, base64.b64decode(body["Image"]["Bytes"])))
                if service.refusal:
                    self._answer(400, {"__type": service.refusal, "Message": "refused"})
                else:
                    self._answer(200, ANSWERS[action])

            def _answer(self, status, body):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        return Handler

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
