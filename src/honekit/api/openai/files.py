"""/v1/files and /v1/uploads: what clients send to be trained on, and what jobs made."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, BinaryIO, Literal

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from honekit.api.errors import ApiError, bad_request
from honekit.api.idempotency import made_once
from honekit.api.openai.pages import Page, page
from honekit.api.routes import JsonRoute
from honekit.store import blobs, uploads
from honekit.store import files as store

router = APIRouter(prefix="/v1", tags=["files"], route_class=JsonRoute)

MAX_FILE_BYTES = 512 * 1024 * 1024
MAX_PART_BYTES = 64 * 1024 * 1024
_CHUNK = 1 << 20

FilePurpose = Literal["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]
UploadPurpose = Literal["assistants", "batch", "fine-tune", "vision"]
Lifetime = Annotated[int, Field(ge=3600, le=2_592_000)]


class FileObject(BaseModel):
    """A stored file; `fine-tune-results` are made by jobs."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    expires_at: int | None = None
    filename: str
    purpose: str
    status: Literal["uploaded", "processed", "error"] = "processed"


class Deleted(BaseModel):
    id: str
    object: Literal["file"] = "file"
    deleted: bool = True


class ExpiresAfter(BaseModel):
    model_config = ConfigDict(extra="forbid")
    anchor: Literal["created_at"]
    seconds: Lifetime


class CreateUpload(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    filename: Annotated[str, Field(min_length=1, max_length=1024)]
    purpose: UploadPurpose
    bytes: Annotated[int, Field(ge=0, le=uploads.MAX_BYTES)]
    mime_type: Annotated[str, Field(max_length=255)]
    expires_after: ExpiresAfter | None = None


class CompleteUpload(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    part_ids: Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=100_000)]
    md5: Annotated[str, Field(pattern="^[0-9a-fA-F]{32}$")] | None = None


class UploadObject(BaseModel):
    id: str
    object: Literal["upload"] = "upload"
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: uploads.Status
    expires_at: int
    file: FileObject | None = None


class PartObject(BaseModel):
    id: str
    object: Literal["upload.part"] = "upload.part"
    created_at: int
    upload_id: str


@router.post("/files", response_model=FileObject, response_model_exclude_none=True)
async def create_file(
    request: Request,
    file: Annotated[UploadFile, File()],
    purpose: Annotated[FilePurpose, Form()],
    anchor: Annotated[Literal["created_at"] | None, Form(alias="expires_after[anchor]")] = None,
    seconds: Annotated[Lifetime | None, Form(alias="expires_after[seconds]")] = None,
) -> FileObject:
    """Upload a file of at most 512 MB."""
    sent = await request.form()
    for name, value in (("expires_after[anchor]", anchor), ("expires_after[seconds]", seconds)):
        if value is None and name in sent:  # FastAPI takes an empty field for one that was not sent
            raise bad_request(f"Invalid value for '{name}': it is empty.", code="invalid_value", param=name)
    if (anchor is None) != (seconds is None):
        missing = "expires_after[anchor]" if anchor is None else "expires_after[seconds]"
        raise bad_request(f"Missing required parameter: '{missing}'.", code="missing_required_parameter", param=missing)
    owner = request.state.api_key.owner
    name = file.filename or "file"
    with_content = {"purpose": purpose, "filename": name, "seconds": seconds, "file": await _sha256(file.file)}

    async def make(noted: store.Noted) -> store.File:
        try:
            return await asyncio.to_thread(
                store.create, owner, name, purpose, _chunks(file.file),
                expires_after_s=seconds, limit=MAX_FILE_BYTES, noted=noted,
            )  # fmt: skip
        except blobs.TooLarge as fault:
            raise _too_large("file", MAX_FILE_BYTES) from fault

    made = await made_once(request, with_content, partial(store.get, owner), make)
    _expect_job(request, made)
    return file_object(made)


@router.get("/files", response_model=Page[FileObject], response_model_exclude_none=True)
async def list_files(
    request: Request,
    purpose: str | None = None,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    order: Literal["asc", "desc"] = "desc",
) -> Page[FileObject]:
    """The project's files, newest first unless `order` says otherwise."""
    owner = request.state.api_key.owner
    last = await asyncio.to_thread(store.place, owner, _id(after)) if after else None
    if after and last is None:
        raise _no_file(after, "after")
    found = await asyncio.to_thread(
        store.list_files, owner, purpose=purpose, after=last, limit=limit + 1, newest_first=order == "desc"
    )
    return page([file_object(one) for one in found], limit)


@router.get("/files/{file_id}", response_model=FileObject, response_model_exclude_none=True)
async def retrieve_file(file_id: str, request: Request) -> FileObject:
    """One file's description."""
    return file_object(await _find(request, file_id))


@router.get(
    "/files/{file_id}/content",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def file_content(file_id: str, request: Request) -> Response:
    """The file as it was sent."""
    found = await _find(request, file_id)
    path = await asyncio.to_thread(lambda: found.path)
    return FileResponse(path, media_type="application/octet-stream", filename=found.filename)


@router.delete("/files/{file_id}")
async def delete_file(file_id: str, request: Request) -> Deleted:
    """Delete a file. A job that is still to read it keeps its content until it is over."""
    if not await asyncio.to_thread(store.remove, request.state.api_key.owner, _id(file_id)):
        raise _no_file(file_id)
    return Deleted(id=file_id)


@router.post("/uploads", response_model=UploadObject, response_model_exclude_none=True)
async def create_upload(body: CreateUpload, request: Request) -> UploadObject:
    """Begin a file of up to 8 GB that comes in parts; it waits for an hour."""
    owner = request.state.api_key.owner
    seconds = body.expires_after.seconds if body.expires_after else None

    async def make(noted: store.Noted) -> uploads.Upload:
        return await asyncio.to_thread(
            uploads.create, owner, body.filename, body.purpose, body.mime_type, body.bytes, seconds, noted
        )

    made = await made_once(request, body.model_dump(mode="json"), partial(uploads.get, owner), make)
    return _upload_object(made)


@router.post("/uploads/{upload_id}/parts")
async def add_part(upload_id: str, request: Request, data: Annotated[UploadFile, File()]) -> PartObject:
    """Send one part of at most 64 MB; parts may come side by side, and have no more bytes together than were announced."""
    upload = await _find_upload(request, upload_id)

    async def make(noted: store.Noted) -> uploads.Part:
        try:
            return await asyncio.to_thread(uploads.add_part, upload, _chunks(data.file), MAX_PART_BYTES, noted)
        except blobs.TooLarge as fault:
            raise _too_large("part", MAX_PART_BYTES) from fault
        except uploads.UploadError as fault:
            raise _refused(fault) from fault

    content = {"file": await _sha256(data.file)}
    part = await made_once(request, content, partial(uploads.get_part, upload), make)
    return PartObject(id=part.id, created_at=int(part.created_at), upload_id=upload.id)


@router.post("/uploads/{upload_id}/complete", response_model=UploadObject, response_model_exclude_none=True)
async def complete_upload(upload_id: str, body: CompleteUpload, request: Request) -> UploadObject:
    """Join the parts, in the order given, into a file. The same request, sent again, is answered with that file."""
    upload = await _find_upload(request, upload_id)
    try:
        done, file = await asyncio.to_thread(uploads.complete, upload, body.part_ids, body.md5)
    except uploads.UploadError as fault:
        raise _refused(fault) from fault
    _expect_job(request, file)
    return _upload_object(done, file_object(file))


@router.post("/uploads/{upload_id}/cancel", response_model=UploadObject, response_model_exclude_none=True)
async def cancel_upload(upload_id: str, request: Request) -> UploadObject:
    """Give an upload up."""
    upload = await _find_upload(request, upload_id)
    try:
        return _upload_object(await asyncio.to_thread(uploads.cancel, upload))
    except uploads.UploadError as fault:
        raise _refused(fault) from fault


def file_object(file: store.File) -> FileObject:
    return FileObject(
        id=file.id,
        bytes=file.bytes,
        created_at=int(file.created_at),
        expires_at=int(file.expires_at) if file.expires_at else None,
        filename=file.filename,
        purpose=file.purpose,
    )


def _upload_object(upload: uploads.Upload, file: FileObject | None = None) -> UploadObject:
    return UploadObject(
        id=upload.id,
        bytes=upload.bytes,
        created_at=int(upload.created_at),
        filename=upload.filename,
        purpose=upload.purpose,
        status=upload.status,
        expires_at=int(upload.expires_at),
        file=file,
    )


def _expect_job(request: Request, file: store.File) -> None:
    if file.purpose == store.TRAINING:
        request.app.state.scheduler.expect("fine_tuning")


async def _find(request: Request, file_id: str) -> store.File:
    found = await asyncio.to_thread(store.get, request.state.api_key.owner, _id(file_id))
    if found is None:
        raise _no_file(file_id)
    return found


async def _find_upload(request: Request, upload_id: str) -> uploads.Upload:
    found = await asyncio.to_thread(uploads.get, request.state.api_key.owner, _id(upload_id))
    if found is None:
        raise ApiError(404, f"No such upload: '{upload_id[:80]}'", code="upload_not_found", param="upload_id")
    return found


def _id(given: str) -> str:
    # Control characters are in no id, and PostgreSQL takes offence at a NUL.
    return given if given.isprintable() else ""


def _no_file(file_id: str, param: str | None = None) -> ApiError:
    return ApiError(
        400 if param else 404, f"No such File object: '{file_id[:80]}'", code="file_not_found", param=param or "file_id"
    )


def _refused(fault: uploads.UploadError) -> ApiError:
    params = dict.fromkeys(("upload.part_unknown", "upload.size", "upload.completed_otherwise"), "part_ids")
    params |= {"upload.md5": "md5", "upload.part_size": "data"}
    return bad_request(f"{fault.what}; {fault.mend}.", code=fault.code.replace(".", "_"), param=params.get(fault.code))


def _too_large(what: str, limit: int) -> ApiError:
    return ApiError(413, f"The {what} is larger than {limit:,} bytes.", code="body_too_large", param="file")


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(_CHUNK):
        yield chunk


async def _sha256(file: BinaryIO) -> str:
    def read() -> str:
        digest: Any = hashlib.sha256()
        for chunk in _chunks(file):
            digest.update(chunk)
        return str(digest.hexdigest())

    return await asyncio.to_thread(read)
