//! How a file gets into storage: the files themselves, which stay in the browser, folders that were dropped, and the PUT.

use std::{cell::RefCell, collections::HashMap};

use js_sys::{Array, Promise};
use model::{format::AudioFormat, upload::PresignedPart};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    DataTransfer, File, FileSystemDirectoryEntry, FileSystemEntry, FileSystemFileEntry, HtmlAudioElement,
    ProgressEvent, Url, XmlHttpRequest,
};

use super::queue::{FileId, Put};

thread_local! {
    static FILES: RefCell<HashMap<FileId, File>> = RefCell::default();
    static PUTS: RefCell<HashMap<FileId, XmlHttpRequest>> = RefCell::default();
}

/// What was dropped: a file, or a folder in which there is none that MixLens reads.
pub(super) enum Dropped {
    File(File),
    Folder(String),
}

/// Keeps a chosen file under `id`.
pub(super) fn keep(id: FileId, file: File) {
    FILES.with_borrow_mut(|files| files.insert(id, file));
}

/// How long the browser may take to tell the length of a file, in milliseconds; not every browser tells.
const LENGTH_WITHIN_MS: i32 = 1500;

/// The length of a file in seconds, as the browser reads it from its beginning, where it can tell.
pub(super) async fn length_s(file: &File) -> Option<f64> {
    // Of nothing there is no length, and browsers complain of being asked.
    if file.size() == 0.0 {
        return None;
    }
    let url = Url::create_object_url_with_blob(file).ok()?;
    let audio = HtmlAudioElement::new_with_src(&url).ok()?;
    let ended = Promise::new(&mut |resolve, _| {
        audio.set_onloadedmetadata(Some(&resolve));
        audio.set_onerror(Some(&resolve));
        // Without it a browser that does not tell would be waited for for ever.
        let _ = leptos::prelude::window()
            .set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, LENGTH_WITHIN_MS);
    });
    // The promise is never rejected.
    let _ = JsFuture::from(ended).await;
    let _ = Url::revoke_object_url(&url);
    Some(audio.duration()).filter(|seconds| seconds.is_finite())
}

/// Lets go of the file of `id`.
pub(super) fn forget(id: FileId) {
    FILES.with_borrow_mut(|files| files.remove(&id));
}

/// Breaks off the PUT of `id`, if one is under way.
pub(super) fn abort(id: FileId) {
    let put = PUTS.with_borrow_mut(|puts| puts.remove(&id));
    if let Some(put) = put {
        // It may have ended in this moment.
        let _ = put.abort();
    }
}

/// Sends a part of the file of `id`, or the whole, and reports the bytes sent. `XMLHttpRequest`, because `fetch` reports no
/// progress of an upload.
pub(super) async fn put(id: FileId, part: &PresignedPart, progress: impl FnMut(u64) + 'static) -> Put {
    let Some(file) = FILES.with_borrow(|files| files.get(&id).cloned()) else {
        return Put::Changed;
    };
    match send(id, &file, part, progress).await {
        Some(status) => Put::Status(status),
        // A file that can no longer be read fails just like a lost connection.
        None if is_readable(&file).await => Put::NoAnswer,
        None => Put::Changed,
    }
}

async fn send(
    id: FileId,
    file: &File,
    part: &PresignedPart,
    mut progress: impl FnMut(u64) + 'static,
) -> Option<u16> {
    let xhr = XmlHttpRequest::new().ok()?;
    xhr.open("PUT", &part.url).ok()?;
    for (name, value) in &part.headers {
        xhr.set_request_header(name, value).ok()?;
    }
    let on_progress = Closure::<dyn FnMut(ProgressEvent)>::new(move |event: ProgressEvent| {
        // A whole number of at most 2^53.
        progress(event.loaded() as u64);
    });
    xhr.upload()
        .ok()?
        .set_onprogress(Some(on_progress.as_ref().unchecked_ref()));
    let ended = Promise::new(&mut |resolve, _| {
        // `loadend` comes after success, failure and abort alike.
        xhr.set_onloadend(Some(&resolve));
    });
    PUTS.with_borrow_mut(|puts| puts.insert(id, xhr.clone()));
    // Sizes of files are whole numbers of at most 2^53.
    let (start, end) = (part.offset as f64, (part.offset + part.length) as f64);
    let bytes = file.slice_with_f64_and_f64(start, end).ok()?;
    if xhr.send_with_opt_blob(Some(&bytes)).is_ok() {
        // The promise is never rejected.
        let _ = JsFuture::from(ended).await;
    }
    PUTS.with_borrow_mut(|puts| puts.remove(&id));
    xhr.status().ok().filter(|status| *status != 0)
}

/// Whether the file is still the one that was chosen: its first byte can be read.
async fn is_readable(file: &File) -> bool {
    match file.slice_with_i32_and_i32(0, 1) {
        Ok(first) => JsFuture::from(first.array_buffer()).await.is_ok(),
        Err(_) => false,
    }
}

/// The files and folders of a drop. They are named while the event lasts, and walked after it.
pub(super) fn entries(transfer: &DataTransfer) -> Vec<FileSystemEntry> {
    let items = transfer.items();
    (0..items.length())
        .filter_map(|at| items.get(at)?.webkit_get_as_entry().ok().flatten())
        .collect()
}

/// The files, those of the folders too, as deep as they go. Of a folder, only what MixLens reads.
pub(super) async fn walk(entries: Vec<FileSystemEntry>) -> Vec<Dropped> {
    let mut found = Vec::new();
    for entry in entries {
        if entry.is_file() {
            found.extend(file_of(entry).await.map(Dropped::File));
            continue;
        }
        let name = entry.name();
        let before = found.len();
        let mut open = vec![entry];
        while let Some(entry) = open.pop() {
            if !entry.is_file() {
                open.extend(children(entry).await);
            } else if AudioFormat::from_file_name(&entry.name()).is_some() {
                found.extend(file_of(entry).await.map(Dropped::File));
            }
        }
        if found.len() == before {
            found.push(Dropped::Folder(name));
        }
    }
    found
}

async fn file_of(entry: FileSystemEntry) -> Option<File> {
    let entry: FileSystemFileEntry = entry.unchecked_into();
    let file = Promise::new(&mut |resolve, reject| {
        entry.file_with_callback_and_callback(&resolve, &reject);
    });
    JsFuture::from(file).await.ok()?.dyn_into().ok()
}

/// What lies in a folder. A browser gives it in portions, and ends with an empty one.
async fn children(folder: FileSystemEntry) -> Vec<FileSystemEntry> {
    let folder: FileSystemDirectoryEntry = folder.unchecked_into();
    let reader = folder.create_reader();
    let mut found = Vec::new();
    loop {
        let portion = Promise::new(&mut |resolve, reject| {
            if reader
                .read_entries_with_callback_and_callback(&resolve, &reject)
                .is_err()
            {
                // A folder that cannot be read counts as empty.
                let _ = resolve.call1(&JsValue::NULL, &Array::new());
            }
        });
        let portion: Array = match JsFuture::from(portion).await {
            Ok(portion) => portion.unchecked_into(),
            Err(_) => return found,
        };
        if portion.length() == 0 {
            return found;
        }
        found.extend(
            portion
                .iter()
                .map(|entry| entry.unchecked_into::<FileSystemEntry>()),
        );
    }
}
