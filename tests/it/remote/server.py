"""An S3-compatible server (moto) for the tests: `server.py FOLDER LOG open|strict`.

Every file of FOLDER becomes an object of the bucket `sales`, packed ones also of `public`, which all may read. When it
listens it prints one line of JSON: its port, and keys of somebody who may read and of somebody who may not; `strict`
refuses all others. Every request is a line of LOG: method, path, range asked for, bytes sent. An object whose name
holds `after-N-` is replaced by as many other bytes when it has been asked for N times. Ends with its standard input.
"""

import json
import pathlib
import re
import sys
import threading

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

folder, log, mode = pathlib.Path(sys.argv[1]), open(sys.argv[2], "a", buffering=1), sys.argv[3]
moto = DomainDispatcherApplication(create_backend_app)
lock = threading.Lock()
asked = {}


def replaced(path):
    """Counts the request; what to put in place of the object from now on."""
    found = re.search(r"after-(\d+)-", path)
    if not found:
        return False
    with lock:
        asked[path] = asked.get(path, 0) + 1
        return asked[path] == int(found[1]) + 1


def logged(environ, start_response):
    path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
    if method == "GET" and replaced(path):
        bucket, key = path.lstrip("/").split("/", 1)
        length = s3.head_object(Bucket=bucket, Key=key)["ContentLength"]
        s3.put_object(Bucket=bucket, Key=key, Body=b"x" * length)
    body = list(moto(environ, start_response))
    log.write(f"{method} {path} {environ.get('HTTP_RANGE', '-')} {sum(map(len, body))}\n")
    return body


class Quiet(MotoRequestHandler):
    def log(self, *_):
        pass


server = make_server("127.0.0.1", 0, logged, threaded=True, request_handler=Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
at = {"endpoint_url": f"http://127.0.0.1:{server.server_port}", "region_name": "us-east-1"}
admin = {"aws_access_key_id": "admin", "aws_secret_access_key": "admin"}
s3, iam = boto3.client("s3", **at, **admin), boto3.client("iam", **at, **admin)
s3.create_bucket(Bucket="sales")
s3.create_bucket(Bucket="public", ACL="public-read")
s3.put_object(Bucket="sales", Key="marked/", Body=b"")
for file in sorted(path for path in folder.rglob("*") if path.is_file()):
    key = file.relative_to(folder).as_posix()
    s3.upload_file(str(file), "sales", key)
    if key.endswith(".gz"):
        s3.upload_file(str(file), "public", key, ExtraArgs={"ACL": "public-read"})


def keys(name, actions):
    iam.create_user(UserName=name)
    rules = [{"Effect": "Allow", "Action": actions, "Resource": "*"}]
    policy = json.dumps({"Version": "2012-10-17", "Statement": rules})
    iam.put_user_policy(UserName=name, PolicyName="rules", PolicyDocument=policy)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return {"id": made["AccessKeyId"], "secret": made["SecretAccessKey"]}


told = {
    "port": server.server_port,
    "reader": keys("reader", ["s3:GetObject", "s3:ListBucket"]),
    "other": keys("other", ["sqs:ListQueues"]),
}
if mode == "strict":
    from urllib.request import Request, urlopen

    plain = {"Content-Type": "text/plain"}
    urlopen(Request(f"{at['endpoint_url']}/moto-api/reset-auth", data=b"0", headers=plain, method="POST"))
print(json.dumps(told), flush=True)
sys.stdin.read()
