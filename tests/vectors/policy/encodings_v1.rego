package spacelift

title := input.run.title

deny contains base64url.encode(title) if title == "?>?"

deny contains hex.encode(title) if title == "hex"

deny contains urlquery.encode(title) if contains(title, "&")

deny contains json.marshal({"title": title, "n": [1, 2.5, true, null]}) if title == "json \"<>&\""

deny contains sprintf("%v", [units.parse_bytes(title)]) if endswith(title, "MiB")

deny contains sprintf("%d", [to_number(title)]) if regex.match(`^[0-9]+$`, title)
