import pytest
from django.test import Client
from accounts.roles import set_role
from classifier.models import *
from tests.factories import *
from tests.reviews import add_answer, enter, make_reviewer
pytestmark = pytest.mark.django_db
Q=["","q=abc","q=%00","q=99999999999999999999999","pair=9-9","pair=99-1","pair=-","confidence=9","issues=likely","issues=likely&state=all","people=differ&o=1.2","people=differ","age=today","age=older","p=9999","p=x","o=99","answer__exact=abc","blind__exact=x","asked__exact=zz","prediction__label__exact=77","prediction__version__id__exact=abc","state=all&_facets=1","state=zz","_popup=1","e=1","id__exact=999999999999999999999","face__upload__id__exact=1","q=%27%22","q=%22"]
M=["correction","bulkreview","trainingrun","gatedecision","version","promotion","snapshot","sample","prediction","face","upload"]
@pytest.mark.parametrize("rows",[0,1])
@pytest.mark.parametrize("role",["staff","reviewer"])
def test_fuzz(rows, role):
    c=enter(make_reviewer("boss",role)); c.raise_request_exception=False
    bad=[]
    ids={}
    if rows:
        a=add_answer(make_user(), 4); add_answer(make_user("bob"),3,face=a.face); add_answer(make_user("cy"),7)
        r=TrainingRun.objects.create(trigger="button", state="done", version=make_version("9","candidate"))
        s=Snapshot.objects.create(digest="a"*64,size=0,train_counts=[0]*7,test_counts=[0]*7,corrections=0)
        b=BulkReview.objects.create(reviewer=User.objects.get(username="boss"),action="approve",corrections=[1,2])
        ids={"correction":a.pk,"trainingrun":r.pk,"snapshot":s.pk,"bulkreview":b.pk,"version":r.version.pk,"face":a.face.pk,"upload":a.face.upload.pk,"prediction":a.prediction.pk}
    for m in M:
        for q in Q:
            u=f"/admin/classifier/{m}/?{q}"
            x=c.get(u)
            if x.status_code>=500: bad.append((u,x.status_code))
        for o in ["abc","1","99999999999999999999999","00000000-0000-0000-0000-000000000000",ids.get(m)]:
            if o is None: continue
            for q in ["","?_changelist_filters=q%3D%2500","?_changelist_filters=p%3D99","?_changelist_filters=issues%3Dlikely","?against=99999999999999999","?against=abc","?_changelist_filters=prediction__version__id__exact%3Dabc", "?_changelist_filters=face__x%3D1"]:
                for page in ("change","history","delete"):
                    u=f"/admin/classifier/{m}/{o}/{page}/{q}"
                    x=c.get(u)
                    if x.status_code>=500: bad.append((u,x.status_code))
                    x=c.post(u,{"a":1})
                    if x.status_code>=500: bad.append(("POST",u,x.status_code))
    pk=ids.get("correction",1)
    for d in [{}, {"decision":"approve","label":"9"},{"decision":"approve","upcoming":"999999999999999999999"},{"decision":"reject","reason":"x"*501},{"decision":"reject","reason":"\x00"},{"decision":"approve","label":""}]:
        x=c.post(f"/admin/classifier/correction/{pk}/decide/?_changelist_filters=q%3D%2500",d)
        if x.status_code>=500: bad.append(("decide",d))
    for d in [{}, {"action":"approve","corrections":"x"},{"action":"approve","corrections":"1,2,999999999999999999"},{"action":"reject","corrections":"1"},{"action":"approve","corrections":","},{"action":"zz"},{"action":"reject","reason":"r","corrections":"1","filters":"q=%00"}]:
        x=c.post("/admin/classifier/bulkreview/confirm/",d)
        if x.status_code>=500: bad.append(("confirm",d))
    for a in ["approve","reject"]:
        x=c.post("/admin/classifier/correction/?state=all",{"action":a,"_selected_action":["1","x","99999999999999999999"],"select_across":"1"})
        if x.status_code>=500: bad.append(("action",a))
        x=c.post("/admin/classifier/correction/?state=all",{"action":a,"_selected_action":["x"],})
        if x.status_code>=500: bad.append(("action2",a))
    for w in ["promote","rollback","reject","shadow","unshadow","zz"]:
        for reason in ["", "x","\x00"]:
            x=c.post(f"/admin/classifier/version/{ids.get('version',1)}/act/{w}/",{"reason":reason})
            if x.status_code>=500: bad.append(("act",w,reason))
    for d in [{}, {"mode":"x"},{"mode":"scratch","epochs":"0"},{"mode":"fine_tune","epochs":"9999999999"}]:
        x=c.post("/admin/classifier/trainingrun/start/",d)
        if x.status_code>=500: bad.append(("start",d))
    u=enter(User.objects.filter(username="ada").first() or make_user()); u.raise_request_exception=False
    f=ids.get("face","00000000-0000-0000-0000-000000000000"); up=ids.get("upload","00000000-0000-0000-0000-000000000000")
    import itertools
    from classifier.labelling import make_token
    tok=make_token(f, User.objects.get(username="ada"),"random")
    for acc in ["text/html","application/json"]:
        for q in ["","?question=x","?question=%00","?question="+tok]:
            x=u.get("/label/"+q,headers={"accept":acc})
            if x.status_code>=500: bad.append(("label",q))
        for w in ["sad","skip","undo","zz","","\x00","not_a_face"]:
            for t in ["",tok,tok[:-2],"\x00","a:b:c"]:
                x=u.post("/label/",{"answer":w,"question":t,"held":[t,tok]},headers={"accept":acc})
                if x.status_code>=500: bad.append(("label",w,t))
        for w in ["sad","undo","zz","\x00"]:
            x=u.post(f"/faces/{f}/answer",{"answer":w},headers={"accept":acc})
            if x.status_code>=500: bad.append(("answer",w))
        for b in [{}, dict(x="a",y=1,width=1,height=1),dict(x=10**30,y=0,width=20,height=20),dict(x=-1,y=-1,width=-5,height=-5),dict(x=0,y=0,width=640,height=480),dict(x=0,y=0,width=10**40,height=-10**40),dict(x="1e5",y="1.5",width="\x00",height="٣٣")]:
            x=u.post(f"/uploads/{up}/faces",b,headers={"accept":acc})
            if x.status_code>=500: bad.append(("box",b))
            x=u.post(f"/api/v1/uploads/{up}/faces/",b,content_type="application/json",headers={"accept":acc})
            if x.status_code>=500: bad.append(("apibox",b,x.content[:300]))
    x=u.delete("/api/v1/corrections/99999999999999999999999/")
    if x.status_code>=500: bad.append(("delcorr",))
    assert not bad, "\n".join(map(str,bad))
