//! Files.

use std::{fmt::Debug, io, path::Path};

use super::{Case, Machines, assert_pattern, case, pattern_bytes};

pub(super) const CASES: &[Case] = &[
    case!(a_file_reads_as_written, "What was written is read; writing again replaces it."),
    case!(append_adds_to_a_file, "Appending adds to a file's end and creates a missing file."),
    case!(rename_replaces, "A renamed file is found under its new name only, in place of what was there."),
    case!(a_removed_file_is_gone, "A removed file can't be read, and is not listed."),
    case!(a_folder_is_listed_sorted, "A folder lists the names of its files and folders, sorted, not those below."),
    case!(creating_a_folder_twice_is_fine, "A folder and those above it are created; again is fine."),
    case!(files_and_folders_can_be_synced, "Syncing a file or a folder succeeds, and changes nothing that is seen."),
    case!(a_missing_file_is_not_found, "Every operation on a missing file fails with NotFound and names the path."),
    case!(paths_stay_in_their_root, "A path that leads out of its root is refused with InvalidInput."),
    case!(roots_do_not_see_each_other, "The same path under two roots, or on two machines, is two files."),
    case!(a_root_is_the_machines, "Two handles on one root see the same files."),
];

async fn a_file_reads_as_written(machines: Machines) {
    let files = machines.a.files("data");
    files.write("deep/er/file", "first, and longer").await.expect("folders above a file are created");
    files.write("deep/er/file", "second").await.expect("a file can be replaced");
    assert_eq!(files.read("deep/er/file").await.expect("the file exists"), b"second");
    files.write("empty", "").await.expect("a file may be empty");
    assert_eq!(files.read("empty").await.expect("the file exists"), b"");
    files.write("large", pattern_bytes(300_000)).await.expect("a file may be large");
    assert_pattern(&files.read("large").await.expect("the file exists"), 300_000);
}

async fn append_adds_to_a_file(machines: Machines) {
    let files = machines.a.files("data");
    for word in ["one ", "two ", "three"] {
        files.append("deep/er/log", word).await.expect("a file can be appended to");
    }
    assert_eq!(files.read("deep/er/log").await.expect("the file exists"), b"one two three");
    files.write("deep/er/log", "new ").await.expect("a file can be replaced");
    files.append("deep/er/log", "end").await.expect("a file can be appended to");
    assert_eq!(files.read("deep/er/log").await.expect("the file exists"), b"new end");
}

async fn rename_replaces(machines: Machines) {
    let files = machines.a.files("data");
    files.write("new", "new").await.expect("a file can be written");
    files.write("old", "old").await.expect("a file can be written");
    files.rename("new", "old").await.expect("a file can take another's name");
    assert_eq!(files.read("old").await.expect("the file has its new name"), b"new");
    assert_eq!(files.list("").await.expect("the root exists"), ["old"]);
    files.create_folder("there").await.expect("a folder can be created");
    files.rename("old", "there/moved").await.expect("a file can move to another folder");
    assert_eq!(files.read("there/moved").await.expect("the file has its new name"), b"new");
}

async fn a_removed_file_is_gone(machines: Machines) {
    let files = machines.a.files("data");
    files.write("kept", "1").await.expect("a file can be written");
    files.write("gone", "2").await.expect("a file can be written");
    files.remove("gone").await.expect("a file can be removed");
    let error = files.read("gone").await.expect_err("the file was removed");
    assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}");
    assert_eq!(files.list("").await.expect("the root exists"), ["kept"]);
}

async fn a_folder_is_listed_sorted(machines: Machines) {
    let files = machines.a.files("data");
    for path in ["b", "a", "c/below", "B", "10", "9"] {
        files.write(path, path).await.expect("a file can be written");
    }
    files.create_folder("bare").await.expect("a folder can be created");
    assert_eq!(files.list("").await.expect("the root exists"), ["10", "9", "B", "a", "b", "bare", "c"]);
    assert_eq!(files.list(".").await.expect("the root has a name"), files.list("").await.expect("the root exists"));
    assert_eq!(files.list("c").await.expect("the folder exists"), ["below"]);
    assert!(files.list("bare").await.expect("the folder exists").is_empty());
}

async fn creating_a_folder_twice_is_fine(machines: Machines) {
    let files = machines.a.files("data");
    for _ in 0..2 {
        files.create_folder("some/where").await.expect("a folder can be created, and may exist");
    }
    assert_eq!(files.list("some").await.expect("the folder above was created"), ["where"]);
    assert!(files.list("some/where").await.expect("the folder was created").is_empty());
}

async fn files_and_folders_can_be_synced(machines: Machines) {
    let files = machines.a.files("data");
    files.write("folder/draft", "text").await.expect("a file can be written");
    files.sync("folder/draft").await.expect("a file can be synced");
    files.rename("folder/draft", "folder/final").await.expect("a file can be renamed");
    files.sync("folder").await.expect("a folder can be synced");
    assert_eq!(files.read("folder/final").await.expect("the file exists"), b"text");
    assert_eq!(files.list("folder").await.expect("the folder exists"), ["final"]);
}

/// Panics unless `result` is an error of this kind that names `path`.
#[track_caller]
fn assert_error(result: io::Result<impl Debug>, kind: io::ErrorKind, path: impl AsRef<Path>) {
    let path = path.as_ref().display().to_string();
    let error = result.expect_err("the operation can't succeed");
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(&path), "the error does not name {path}: {error}");
}

async fn a_missing_file_is_not_found(machines: Machines) {
    let files = machines.a.files("data");
    let kind = io::ErrorKind::NotFound;
    // Before the root exists, and then in it.
    for _ in 0..2 {
        assert_error(files.read("missing").await, kind, "missing");
        assert_error(files.remove("missing").await, kind, "missing");
        assert_error(files.rename("missing", "other").await, kind, "missing");
        assert_error(files.list("missing").await, kind, "missing");
        assert_error(files.sync("missing").await, kind, "missing");
        files.write("present", "").await.expect("a file can be written");
    }
    assert_eq!(files.list("").await.expect("the root exists"), ["present"]);
}

async fn paths_stay_in_their_root(machines: Machines) {
    let outer = machines.a.files("data");
    outer.write("secret", "outside").await.expect("a file can be written");
    let inner = machines.a.files("data/inner");
    inner.write("own", "inside").await.expect("a file can be written");
    let kind = io::ErrorKind::InvalidInput;
    for path in ["../secret", "deep/../../secret", "/secret", ".."] {
        assert_error(inner.read(path).await, kind, path);
        assert_error(inner.write(path, "").await, kind, path);
        assert_error(inner.append(path, "").await, kind, path);
        assert_error(inner.remove(path).await, kind, path);
        assert_error(inner.rename("own", path).await, kind, path);
        assert_error(inner.rename(path, "own").await, kind, path);
        assert_error(inner.list(path).await, kind, path);
        assert_error(inner.sync(path).await, kind, path);
        assert_error(inner.create_folder(path).await, kind, path);
    }
    assert_eq!(outer.read("secret").await.expect("the file is untouched"), b"outside");
    assert_eq!(outer.read("inner/own").await.expect("a root is a folder of the one above"), b"inside");
}

async fn roots_do_not_see_each_other(machines: Machines) {
    let places = [machines.a.files("one"), machines.a.files("two"), machines.b.files("one")];
    for (index, files) in places.iter().enumerate() {
        files.write("same", vec![index as u8]).await.expect("a file can be written");
    }
    for (index, files) in places.iter().enumerate() {
        assert_eq!(files.read("same").await.expect("the file exists"), [index as u8]);
    }
}

async fn a_root_is_the_machines(machines: Machines) {
    machines.a.files("data").write("note", "text").await.expect("a file can be written");
    assert_eq!(machines.a.files("data").read("note").await.expect("the file exists"), b"text");
    assert_eq!(machines.a.files("./data").read("./note").await.expect("a dot leads nowhere"), b"text");
}
