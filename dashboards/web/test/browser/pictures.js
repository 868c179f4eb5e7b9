// Runs in the page before its scripts: answers WHEP requests from inside the
// page, by a second peer connection that sends a drawn picture. So the real
// element plays real WebRTC without a media server, and a wall of them. window.cameras tells what is
// viewed, and can turn cameras off.
export function pictures() {
  const real = window.fetch.bind(window);
  const sessions = new Map();
  const off = new Set();
  let n = 0;
  window.cameras = { sessions, off, posts: [], deletes: 0 };

  function scene(camera, main) {
    const c = document.createElement('canvas');
    [c.width, c.height] = main ? [1280, 720] : [640, 360];
    const g = c.getContext('2d');
    const seed = [...camera].reduce((s, x) => s * 31 + x.charCodeAt(0), 7) >>> 0;
    const w = c.width;
    const h = c.height;
    const draw = (t) => {
      const hour = g.createLinearGradient(0, 0, 0, h);
      hour.addColorStop(0, `hsl(${205 + (seed % 30)} 26% ${18 + (seed % 9)}%)`);
      hour.addColorStop(1, '#0d1218');
      g.fillStyle = hour;
      g.fillRect(0, 0, w, h);
      g.fillStyle = '#1d2731';
      g.fillRect(0, h * 0.62, w, h);
      for (let i = 0; i < 4; i++) {
        const bw = w * (0.12 + ((seed >> (i * 3)) % 9) / 90);
        const bx = ((seed >> (i * 4)) % 80) / 100 * w;
        const bh = h * (0.2 + ((seed >> (i * 2)) % 12) / 40);
        g.fillStyle = `hsl(210 ${12 + i * 3}% ${19 + i * 4}%)`;
        g.fillRect(bx, h * 0.66 - bh, bw, bh);
        g.fillStyle = '#d9b76a';
        for (let y = 0; y < 5; y++) for (let x = 0; x < 4; x++) if ((seed >> (x + y)) & 1) g.fillRect(bx + bw * (0.14 + x * 0.22), h * 0.66 - bh * (0.88 - y * 0.17), bw * 0.08, bh * 0.07);
      }
      g.fillStyle = '#0005';
      g.fillRect(0, h * 0.78, w, h * 0.1);
      const x = ((t / 9000 + (seed % 97) / 97) % 1.2) * w - w * 0.1;
      g.fillStyle = '#b9c4cf';
      g.fillRect(x, h * 0.74, w * 0.012, h * 0.09);
      g.beginPath();
      g.arc(x + w * 0.006, h * 0.725, w * 0.008, 0, 7);
      g.fill();
    };
    const started = performance.now();
    const timer = setInterval(() => draw(performance.now() - started), 66);
    draw(0);
    return { stream: c.captureStream(15), stop: () => clearInterval(timer) };
  }

  async function answered(pc) {
    await pc.setLocalDescription(await pc.createAnswer());
    await new Promise((r) => {
      if (pc.iceGatheringState === 'complete') r();
      pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && r();
      setTimeout(r, 500);
    });
    return pc.localDescription.sdp;
  }

  window.fetch = async (input, init = {}) => {
    const url = new URL(typeof input === 'string' ? input : input.url, location.href);
    if (!url.pathname.startsWith('/whep/')) return real(input, init);
    const [, , camera, id] = url.pathname.split('/');
    if (camera === 'wall') return wall(url, init, id);
    if (init.method === 'DELETE') {
      window.cameras.deletes++;
      sessions.get(id)?.close();
      sessions.delete(id);
      return new Response(null, { status: 200 });
    }
    window.cameras.posts.push(`${camera}:${url.searchParams.get('stream')}`);
    if (off.has(camera)) return new Response('{"code":"camera.no_signal"}', { status: 503 });
    const pc = new RTCPeerConnection();
    const s = scene(camera, url.searchParams.get('stream') === 'main');
    const track = s.stream.getVideoTracks()[0];
    await pc.setRemoteDescription({ type: 'offer', sdp: init.body });
    pc.addTrack(track, s.stream);
    const sdp = await answered(pc);
    const key = `s${++n}`;
    sessions.set(key, { camera, pc, freeze: () => s.stop(), close: () => (s.stop(), pc.close()) });
    return new Response(sdp, { status: 201, headers: { Location: `/whep/${camera}/${key}`, 'Content-Type': 'application/sdp' } });
  };

  // One connection with many pictures; sessions has an entry for each that is shown.
  const walls = new Map();

  function change(tile, camera, stream) {
    if (camera === tile.camera && stream === tile.stream && tile.key) return;
    if (tile.key) sessions.get(tile.key)?.close();
    [tile.camera, tile.stream] = [camera, camera && stream];
    if (!camera) return;
    window.cameras.posts.push(`${camera}:${stream}`);
    show(tile);
  }

  function show(tile) {
    if (off.has(tile.camera)) return;
    const s = scene(tile.camera, tile.stream === 'main');
    const key = (tile.key = `s${++n}`);
    void tile.sender.replaceTrack(s.stream.getVideoTracks()[0]);
    sessions.set(key, {
      camera: tile.camera,
      freeze: () => s.stop(),
      close: () => {
        s.stop();
        void tile.sender.replaceTrack(null).catch(() => {});
        sessions.delete(key);
        if (tile.key === key) tile.key = '';
      },
    });
  }

  /** What the hub would say; a camera that is back is shown again. */
  function told(w) {
    for (const t of w.tiles) if (t.camera && !t.key) show(t);
    return JSON.stringify({
      as_of_us: 0, // answers do not cross within a page
      tiles: w.tiles.map((t) => ({
        mid: t.mid, camera: t.camera, stream: t.stream, wanted: t.stream, begun_rtp: null, live_rtp: null, problem: t.camera && !t.key ? 'camera.unreachable' : '',
        problem_text: { zh: '摄像机没有应答。', en: 'The camera does not answer.' }, state: !t.camera ? 'empty' : t.key ? 'live' : 'no_signal',
      })),
    });
  }

  async function wall(url, init, id) {
    const w = walls.get(id);
    if (!id) {
      const pc = new RTCPeerConnection();
      await pc.setRemoteDescription({ type: 'offer', sdp: init.body });
      const list = (url.searchParams.get('tiles') ?? '').split(',');
      const tiles = pc.getTransceivers().map((x) => ((x.direction = 'sendonly'), { mid: x.mid, sender: x.sender, camera: '', stream: '', key: '' }));
      const sdp = await answered(pc);
      tiles.forEach((t, i) => change(t, ...(list[i] || ':').split(':')));
      const key = `w${++n}`;
      walls.set(key, { pc, tiles });
      return new Response(sdp, { status: 201, headers: { Location: `/whep/wall/${key}`, 'Content-Type': 'application/sdp' } });
    }
    if (!w) return new Response('{"code":"whep.no_session"}', { status: 404 });
    if (init.method === 'DELETE') {
      window.cameras.deletes++;
      for (const t of w.tiles) change(t, '', '');
      w.pc.close();
      walls.delete(id);
      return new Response(null, { status: 200 });
    }
    if (init.method === 'PUT') {
      for (const c of JSON.parse(init.body).tiles) change(w.tiles.find((t) => t.mid === c.mid), c.camera, c.stream ?? 'sub');
      return new Response(told(w), { status: 200 });
    }
    const known = init.headers?.['If-None-Match'];
    for (let i = 0; i < 200; i++) {
      if (init.signal?.aborted) throw new DOMException('aborted', 'AbortError');
      const text = told(w);
      if (encodeURIComponent(text) !== known) return new Response(text, { status: 200, headers: { ETag: encodeURIComponent(text) } });
      await new Promise((r) => setTimeout(r, 100));
    }
    return new Response(null, { status: 304 });
  }
}
