"""The same job in Python: an S3 event in, three renditions and one record out. JPEG in, JPEG out."""

import hashlib
import io
import os
from urllib.parse import unquote_plus

import boto3
from botocore.exceptions import ClientError
from PIL import ExifTags, Image, ImageOps

OUTPUT, TABLE = os.environ["OUTPUT_BUCKET"], os.environ["TABLE"]

# Made while the function starts, and kept.
s3 = boto3.client("s3")
dynamodb = boto3.client("dynamodb")


def handle(event, context):
    return {"images": [picture(record["s3"]) for record in event["Records"]]}


def picture(source):
    bucket, key = source["bucket"]["name"], unquote_plus(source["object"]["key"])
    data = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    width, height, renditions = render(data)
    image_id = hashlib.sha256(f"{bucket}\0{key}".encode()).hexdigest()[:26]
    made = []
    for name, size, jpeg in renditions:
        path = f"renditions/{image_id}/{name}.jpg"
        s3.put_object(Bucket=OUTPUT, Key=path, Body=jpeg, ContentType="image/jpeg", CacheControl="public, max-age=31536000, immutable")
        digest = hashlib.sha256(jpeg).hexdigest()
        numbers = {"width": size[0], "height": size[1], "bytes": len(jpeg)}
        texts = {"name": {"S": name}, "key": {"S": path}, "sha256": {"S": digest}}
        made.append({"M": texts | {field: {"N": str(value)} for field, value in numbers.items()}})
    item = {
        "imageId": {"S": image_id},
        "bucket": {"S": bucket},
        "key": {"S": key},
        "sequencer": {"S": source["object"]["sequencer"]},
        "status": {"S": "SUCCEEDED"},
        "size": {"N": str(len(data))},
        "sourceSha256": {"S": hashlib.sha256(data).hexdigest()},
        "width": {"N": str(width)},
        "height": {"N": str(height)},
        "renditions": {"L": made},
    }
    try:
        # An event that comes late must not overwrite what a newer one has told.
        dynamodb.put_item(
            TableName=TABLE,
            Item=item,
            ConditionExpression="attribute_not_exists(imageId) OR sequencer < :sequencer",
            ExpressionAttributeValues={":sequencer": item["sequencer"]},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
    return {"imageId": image_id, "status": "SUCCEEDED"}


def render(data):
    image = Image.open(io.BytesIO(data))
    width, height = image.size
    if image.getexif().get(ExifTags.Base.Orientation, 1) >= 5:
        width, height = height, width
    # The decoder itself halves the picture as long as it stays as large as the largest rendition.
    image.draft("RGB", inside(image.size, 1600))
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode != "RGB":
        image = image.convert("RGB")
    # Else a comment would come along.
    image.info.clear()
    thumb = ImageOps.fit(image, (min(200, width), min(200, height)), Image.Resampling.LANCZOS)
    medium, large = (image.resize(inside((width, height), most), Image.Resampling.LANCZOS) for most in (800, 1600))
    return width, height, [(name, made.size, jpeg(made)) for name, made in [("thumb", thumb), ("medium", medium), ("large", large)]]


def inside(size, most):
    scale = min(1, most / max(size))
    return tuple(max(1, round(side * scale)) for side in size)


def jpeg(image):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()
