"""The files of this small course are read by the builder and the judge, not collected."""

collect_ignore_glob = ["*"]
