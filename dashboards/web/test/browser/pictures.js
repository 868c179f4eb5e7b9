// Runs in the page before its scripts: answers WHEP requests from inside the
// page, by a second peer connection that sends a drawn picture. So the real
// element plays real WebRTC without a media server. window.cameras tells what is
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

  window.fetch = async (input, init = {}) => {
    const url = new URL(typeof input === 'string' ? input : input.url, location.href);
    if (!url.pathname.startsWith('/whep/')) return real(input, init);
    const [, , camera, id] = url.pathname.split('/');
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
    await pc.setLocalDescription(await pc.createAnswer());
    await new Promise((r) => {
      if (pc.iceGatheringState === 'complete') r();
      pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && r();
      setTimeout(r, 500);
    });
    const key = `s${++n}`;
    sessions.set(key, { camera, pc, freeze: () => s.stop(), close: () => (s.stop(), pc.close()) });
    return new Response(pc.localDescription.sdp, { status: 201, headers: { Location: `/whep/${camera}/${key}`, 'Content-Type': 'application/sdp' } });
  };
}
