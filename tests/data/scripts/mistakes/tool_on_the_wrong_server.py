# finds: 3 unknown-tool
path = "/projects/widgets"
text = git.read_text_file(path=path)
result = text
