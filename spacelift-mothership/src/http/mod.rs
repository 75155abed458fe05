//! HTTPS: blobs by expiring signed URLs, and the API that the command line uses.
