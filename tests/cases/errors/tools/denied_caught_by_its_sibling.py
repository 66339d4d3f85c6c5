#: outcome: returned
#: result: "left alone"
try:
    youtube.delete_video(id="1")
except ToolDenied:
    result = "left alone"
