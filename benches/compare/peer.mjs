// sharp, in a process of its own: a job a line in, its cost a line out.
import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import sharp from 'sharp'

sharp.concurrency(Number(process.env.COMPARE_THREADS ?? '1'))
sharp.cache(false)

const UNABLE = Symbol('unable')

async function resized (source, kind, [width, height], output) {
  const image = source.resize(width, height, { fit: kind === 'cover' ? 'cover' : 'inside', withoutEnlargement: true })
  return output === 'jpeg' || output === 'webp' ? image.toFormat(output, { quality: 80 }).toBuffer() : image.toFormat(output).toBuffer()
}

async function run (data, { kind, size, output, way, quality, chroma }) {
  if (kind === 'encode' && way) {
    const raw = { width: size[0], height: size[1], channels: 3 }
    return sharp(data, { raw }).jpeg({ quality, mozjpeg: way === 'mozjpeg', chromaSubsampling: chroma }).toBuffer()
  }
  if (kind === 'decode' || kind === 'encode') throw UNABLE
  if (kind === 'probe') return Buffer.from(JSON.stringify(await sharp(data).metadata()))
  const open = () => sharp(data, { animated: output === 'gif', autoOrient: true })
  if (kind === 'three') {
    // As its documentation shows it: one input, cloned.
    const source = open()
    const all = size.map(([width, height, cover]) => resized(source.clone(), cover ? 'cover' : 'inside', [width, height], output))
    return (await Promise.all(all))[0]
  }
  return resized(open(), kind, size, output)
}

async function measured (inputs, job) {
  const cpu = process.cpuUsage()
  const begun = performance.now()
  let result
  for (let time = 0; time < (job.times ?? 1); time++) {
    for (const data of inputs) result = await run(data, job)
  }
  const wall = performance.now() - begun
  const { user, system } = process.cpuUsage(cpu)
  if (job.keep) writeFileSync(job.keep, result)
  return { cpu: (user + system) / 1e6, wall: wall / 1e3, bytes: result.length }
}

for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line)
  let answer = {}
  if (job.kind !== 'nothing') {
    try {
      answer = await measured(job.inputs.map(path => readFileSync(path)), job)
    } catch (error) {
      if (error !== UNABLE) throw error
      answer = { unable: true }
    }
  }
  console.log(JSON.stringify(answer))
}
