//! Connections of workers: an embedded MQTT broker, or an outside one by URL.
