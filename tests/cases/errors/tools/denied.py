#: outcome: denied
#: kind: ToolDenied
for i in range(3):
    crm.get_contacts()
youtube.delete_video(id="1")
