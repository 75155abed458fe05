package spacelift

deny contains "x" if http.send({"method": "get", "url": "https://example.com"}).status_code != 200
