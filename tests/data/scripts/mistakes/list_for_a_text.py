# finds: 2 wrong-value, 4 wrong-value
filesystem.read_text_file(path=["/a.txt", "/b.txt"])
files = ["a.py"]
filesystem.read_multiple_files(paths="/a.txt")
git.git_add(repo_path="/projects/widgets", files=files)
result = None
